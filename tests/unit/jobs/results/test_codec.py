"""Records as bytes: what goes in comes out, and what is no record is told apart, with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.cost import Latency, VariantCost
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import (
    ExperimentStop,
    QueryResult,
    Record,
    Rejected,
    Spending,
    VariantFailure,
    VariantMeasured,
)
from evaluator.jobs.results.codec import VERSION, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RANKINGS = st.lists(st.tuples(TEXT, st.floats(-10, 10, width=32)), max_size=5).map(
    lambda hits: Ranking(tuple(doc_id for doc_id, _ in hits), tuple(score for _, score in hits))
)
RESULTS = st.builds(
    QueryResult,
    TEXT,
    TEXT,
    TEXT,
    RANKINGS,
    st.dictionaries(TEXT, NUMBERS, max_size=4),
    NUMBERS,
    st.none() | TEXT,
)
FAILURES = st.builds(VariantFailure, TEXT, TEXT, TEXT)
COUNTS = st.integers(0, 2**53)
SPENDINGS = st.builds(Spending, TEXT, TEXT, TEXT, COUNTS, COUNTS, COUNTS)
STOPS = st.builds(ExperimentStop, TEXT, TEXT)
LATENCIES = st.none() | st.builds(Latency, NUMBERS, NUMBERS, NUMBERS)
COSTS = st.builds(
    VariantCost,
    COUNTS,
    LATENCIES,
    LATENCIES,
    LATENCIES,
    LATENCIES,
    COUNTS,
    COUNTS,
    st.none() | NUMBERS,
    st.none() | COUNTS,
    st.none() | NUMBERS,
    st.none() | NUMBERS,
    st.booleans(),
    TEXT,
)
MEASURED = st.builds(VariantMeasured, TEXT, TEXT, st.none() | COSTS, st.none() | TEXT)
RECORDS = RESULTS | FAILURES | SPENDINGS | STOPS | MEASURED


@given(RECORDS)
def test_what_is_encoded_can_be_decoded(record: Record) -> None:
    assert decode(encode(record)) == record


@given(RECORDS)
def test_every_record_says_its_kind_and_version(record: Record) -> None:
    envelope = orjson.loads(encode(record))
    assert (envelope["version"], envelope["record"]["kind"]) == (VERSION, record.kind)


@given(
    st.binary(max_size=50)
    | RECORDS.map(encode).flatmap(lambda whole: st.integers(0, len(whole) - 1).map(lambda n: whole[:n]))
)
def test_bytes_that_are_no_record_are_told_never_raised(payload: bytes) -> None:
    assert isinstance(decode(payload), Rejected)


def test_float32_scores_survive_to_the_last_bit() -> None:
    scores = tuple(np.random.default_rng(0).standard_normal(100).astype(np.float32).tolist())
    record = QueryResult("e", "v", "q", Ranking(tuple(map(str, range(100))), scores))
    assert decode(encode(record)) == record


STOP = {"experiment": "e", "reason": "r", "kind": "stop"}
QUERY = orjson.loads(encode(QueryResult("e", "v", "q", Ranking(("d",), (1.0,)), {"RR@10": 1.0}, 0.1)))[
    "record"
]


def enveloped(record: Any, version: Any = VERSION) -> bytes:
    return orjson.dumps({"version": version, "record": record})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "it is not JSON: "),
        (b"{", "it is not JSON: "),
        (b'{"version": 1, "record": "\xff"}', "it is not JSON: "),
        (b'{"version": 1, "record": "\\ud800"}', "it is not JSON: "),  # half of a character
        (b"[1]", "it has no version"),
        (orjson.dumps(STOP), "it has no version"),  # as version 0.1.0 wrote it
        (enveloped(STOP, "1"), "it has no version"),
        (enveloped(STOP, VERSION + 1), f"it has version {VERSION + 1}, and this server reads up to version {VERSION}"),
        (enveloped([STOP]), "it holds no record"),
        (enveloped({**STOP, "kind": "start"}), "its kind 'start' is unknown"),
        (enveloped({**STOP, "kind": ["stop"]}), "its kind ['stop'] is unknown"),
        (enveloped({"kind": "stop", "experiment": "e"}), "its field 'reason' is missing"),
        (enveloped({name: QUERY[name] for name in QUERY if name != "ranking"}), "its field 'ranking' is missing"),
        (enveloped({**STOP, "why": "w"}), "its field 'why' is unknown"),
        (enveloped({**STOP, "reason": 3}), "its field 'reason' is wrong: Input should be a valid string, not 3"),
        (enveloped({**QUERY, "ranking": {"doc_ids": ["d"], "scores": []}}), "its field 'ranking' is wrong: "),
        (enveloped(QUERY).replace(b'"scores":[1.0]', b'"scores":[null]'), "its field 'ranking.scores.0' is wrong"),
        (enveloped({**QUERY, "measures": {"RR@10": None}}), "its field 'measures.RR@10' is wrong"),
        (enveloped(QUERY).replace(b"0.1", b"1e999"), "it is not JSON: number is infinity"),
    ],
)  # fmt: skip
def test_the_reason_is_said(payload: bytes, reason: str) -> None:
    rejected = decode(payload)
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith(reason)
    assert rejected.content == payload


def test_a_reason_is_safe_to_show() -> None:
    rejected = decode(enveloped({**STOP, "reason": "fine", "\x1b[2J\u202e" + "x" * 1000: 1}))
    assert isinstance(rejected, Rejected)
    assert "\x1b" not in rejected.reason
    assert "\u202e" not in rejected.reason
    assert len(rejected.reason) <= 300


@pytest.mark.parametrize(
    ("record", "stand_in"),
    [
        (QUERY, QueryResult("e", "v", "q", error="...")),
        ({"kind": "failure", "experiment": "e", "variant": "v"}, VariantFailure("e", "v", "...")),
        ({"kind": "measured", "experiment": "e", "variant": "v"}, VariantMeasured("e", "v", None, "...")),
        ({**QUERY, "query_id": 3}, None),
        ({**QUERY, "kind": "question"}, None),
        (STOP, None),
    ],
)
def test_a_failure_takes_the_place_of_what_somebody_waits_for(
    record: dict[str, Any], stand_in: Record | None
) -> None:
    rejected = decode(enveloped(record, VERSION + 1))
    assert isinstance(rejected, Rejected)
    if stand_in is None or isinstance(stand_in, ExperimentStop | Spending):
        assert rejected.stand_in is None
    else:
        assert rejected.stand_in is not None
        assert type(rejected.stand_in) is type(stand_in)
        error = f"what the worker handed over cannot be recorded: {rejected.reason}"
        assert vars(rejected.stand_in) == {**vars(stand_in), "error": error}


def test_a_number_that_is_none_leaves_no_gap_behind() -> None:
    """JSON has no NaN: it travels as null, which is no score."""
    rejected = decode(encode(QueryResult("e", "v", "q", Ranking(("d",), (float("nan"),)))))
    assert isinstance(rejected, Rejected)
    assert isinstance(rejected.stand_in, QueryResult)
