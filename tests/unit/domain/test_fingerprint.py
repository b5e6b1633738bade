"""Fingerprints: equal values have one, whatever order or form they come in."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.fingerprint import canonical_json, fingerprint, fingerprint_set, row_digest, text_key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@dataclass(frozen=True)
class Stage:
    k: float
    name: str = "rrf"


@dataclass(frozen=True)
class LaterStage:
    """The same stage some versions later: one more optional field."""

    k: float
    name: str = "rrf"
    rerank: str | None = None


def test_canonical_json_sorts_keys_and_leaves_out_spaces_and_nulls() -> None:
    assert canonical_json({"b": 1, "a": [1.5, None, "ü"], "c": None}) == '{"a":[1.5,null,"ü"],"b":1}'


def test_a_fingerprint_is_the_start_of_the_sha256_of_the_canonical_json() -> None:
    assert fingerprint({"b": 2, "a": 1}) == hashlib.sha256(b'{"a":1,"b":2}').hexdigest()[:16]


def test_a_new_optional_field_changes_no_fingerprint_until_it_is_used() -> None:
    assert fingerprint(LaterStage(k=60)) == fingerprint(Stage(k=60))
    assert fingerprint(LaterStage(k=60, rerank="x")) != fingerprint(Stage(k=60))


def test_equal_numbers_have_equal_fingerprints() -> None:
    assert Stage(k=60) == Stage(k=60.0)
    assert fingerprint(Stage(k=60)) == fingerprint(Stage(k=60.0))
    assert fingerprint(Stage(k=60)) != fingerprint(Stage(k=60.5))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_say_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        fingerprint(value)


@given(st.dictionaries(st.text(), JSON, max_size=6), st.randoms())
def test_the_order_of_keys_is_irrelevant(record: dict[str, Any], random: Any) -> None:
    items = list(record.items())
    random.shuffle(items)
    assert fingerprint(dict(items)) == fingerprint(record)


@given(JSON)
def test_a_value_read_back_from_json_has_the_same_fingerprint(value: Any) -> None:
    assert fingerprint(json.loads(json.dumps(value))) == fingerprint(value)
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(value))


@given(st.floats(0, 100), st.text())
def test_a_dataclass_and_its_dictionary_are_the_same_thing(k: float, name: str) -> None:
    stage = Stage(k, name)
    assert fingerprint(stage) == fingerprint(dataclasses.asdict(stage))


@given(st.lists(st.binary(min_size=16, max_size=16)), st.randoms())
def test_a_set_of_rows_has_one_fingerprint_in_any_order(digests: list[bytes], random: Any) -> None:
    shuffled = digests.copy()
    random.shuffle(shuffled)
    assert fingerprint_set(shuffled) == fingerprint_set(digests)


def test_a_set_of_rows_changes_with_each_row() -> None:
    first, second = row_digest("1", "a"), row_digest("2", "b")
    assert (
        len({fingerprint_set(rows) for rows in ([], [first], [second], [first, second], [first, first])}) == 5
    )


def test_fields_of_a_row_do_not_run_into_each_other() -> None:
    assert row_digest("ab", "c") != row_digest("a", "bc")
    assert row_digest("ab") != row_digest("ab", "")


@given(st.text(), st.text())
def test_texts_share_a_key_only_if_they_are_the_same(one: str, other: str) -> None:
    assert (text_key(one) == text_key(other)) == (one == other)
    assert len(text_key(one)) == 16
