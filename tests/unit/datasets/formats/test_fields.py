"""Rules for single values."""

from __future__ import annotations

import pytest

from evaluator.datasets.formats.fields import Trimmed, identifier, score
from evaluator.datasets.source import Place
from evaluator.errors import DatasetError

HERE = Place("a.csv", 2)


@pytest.mark.parametrize(
    ("value", "number"), [("0.5", 0.5), ("0,5", 0.5), (" 12,25 ", 12.25), ("-1e-3", -0.001), (2, 2.0)]
)
def test_scores_may_have_a_decimal_comma(value: object, number: float) -> None:
    assert score(value, "score", HERE) == number


@pytest.mark.parametrize("value", ["1,000.5", "1,000,000", "", "nan", None, [1]])
def test_other_scores_are_refused(value: object) -> None:
    with pytest.raises(DatasetError, match=r"a\.csv:2: the score .* is no number"):
        score(value, "score", HERE)


@pytest.mark.parametrize("value", [" d1", "d1\t", "\u00a0d1", "\ufeffd1", "d1\u200b", "\u2003 d1 \u200e"])
def test_padding_around_an_id_is_trimmed(value: str) -> None:
    found = identifier(value, "id", HERE)
    assert found == "d1"
    assert type(found) is Trimmed


def test_an_id_without_padding_stays() -> None:
    assert type(identifier("d1", "id", HERE)) is str
    assert identifier("می‌خواهم", "id", HERE) == "می‌خواهم"  # a joiner inside is part of a word


@pytest.mark.parametrize("value", ["1.23457E+18", "1E+05", " 9.1e+15", 2.0**53, -1e300])
def test_a_number_that_has_lost_digits_is_no_id(value: object) -> None:
    with pytest.raises(DatasetError, match=r"a\.csv:2: the id .* in id is a rounded number.*as text"):
        identifier(value, "id", HERE)


@pytest.mark.parametrize(
    ("value", "id_"), [("12e5", "12e5"), ("1e-05", "1e-05"), (7.0, "7"), (2.0**53 - 1, "9007199254740991")]
)
def test_other_numbers_are_ids(value: object, id_: str) -> None:
    assert identifier(value, "id", HERE) == id_
