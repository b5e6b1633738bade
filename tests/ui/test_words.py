"""Numbers and moments in words."""

from __future__ import annotations

from datetime import datetime

import pytest

from evaluator.domain.cost import size
from evaluator.errors import UnknownNameError
from evaluator.ui.shell.words import ago, capital, count, duration, moment, percent, queries, rate, sentence


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.2, "under 1 s"),
        (12.4, "12 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (2 * 3600 + 5 * 60 + 59, "2 h 5 min"),
        (30 * 3600, "30 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "just now"),  # of a clock that was set back
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (47 * 3600, "47 h ago"),
        (3.9 * 86400, "3 days ago"),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words


def test_counts_are_in_singular_and_plural() -> None:
    assert count(1, "variant") == "1 variant"
    assert count(0, "variant") == "0 variants"
    assert queries(1) == "1 query"
    assert queries(2360) == "2,360 queries"


def test_a_hundred_percent_means_all() -> None:
    assert percent(2359, 2360) == "99 %"
    assert percent(2360, 2360) == "100 %"
    assert percent(0, 0) == "100 %"


def test_rates() -> None:
    assert rate(None, "texts") == "–"
    assert rate(1234.5, "texts") == "1,234 texts/s"
    assert rate(0.5, "texts") == "0.5 texts/s"


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (3_420_000, "3.4 MB"),
        (2e9, "2 GB"),
        (12.6e9, "13 GB"),
    ],
)
def test_sizes(n_bytes: float, words: str) -> None:
    assert size(n_bytes) == words


def test_moments_are_on_the_readers_clock() -> None:
    noon = datetime(2026, 7, 1, 12, 0)
    assert moment(noon, "Europe/Berlin") == "1 Jul 2026, 14:00"
    assert moment(noon, None) == "1 Jul 2026, 12:00 UTC"


@pytest.mark.parametrize("timezone", ["Nowhere/Land", "America", "../../etc/passwd", "a\0", "a" * 5000])
def test_a_zone_that_is_none_is_utc(timezone: str) -> None:
    """A browser may say anything; `America` is a folder of zones."""
    assert moment(datetime(2026, 7, 1, 12, 0), timezone) == "1 Jul 2026, 12:00 UTC"


def test_an_error_begins_with_a_capital() -> None:
    assert sentence(UnknownNameError("no dataset is called 'x'")) == "No dataset is called 'x'"


def test_a_file_keeps_its_name() -> None:
    assert capital("broken.zip: it cannot be unpacked") == "broken.zip: it cannot be unpacked"
    assert capital("") == ""
