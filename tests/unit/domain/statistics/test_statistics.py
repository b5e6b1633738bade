"""Statistics against scipy, statsmodels and published worked examples, and what they promise under simulation."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics.paired import paired_test
from evaluator.domain.statistics.power import detectable_difference, needed_queries
from evaluator.domain.statistics.resampling import Interval, Resampled, expanded_tail
from evaluator.domain.statistics.significance import holm
from evaluator.errors import InvalidInputError

DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])
"""Cross- minus self-fertilised maize, in eighths of an inch: Fisher, The Design of Experiments, 1935, chapter 3."""
SLEEP = (
    np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
    np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
)
"""Hours of sleep gained by two drugs: Student, The Probable Error of a Mean, Biometrika 6, 1908."""


def scores(n: int, seed: int = 1) -> tuple[Doubles, Doubles]:
    """Two variants' scores: skewed, as measures are, with some queries equal."""
    draw = np.random.default_rng(seed)
    a, b = draw.beta(0.5, 1.0, n), draw.beta(0.5, 1.2, n)
    return a, np.where(np.arange(n) % 5 == 0, a, b)


def test_fishers_randomization_test_of_darwins_maize() -> None:
    result = paired_test(DARWIN, np.zeros(15), permutations=2**15)
    assert result.difference == pytest.approx(314 / 15)
    assert result.p_randomization == 1726 / 32768  # 863 of 32,768 sums are 314 or more, as many -314 or less
    assert result.p_t == pytest.approx(0.0497, abs=5e-5)  # t = 2.148, 14 degrees of freedom
    assert (result.wins, result.ties, result.losses) == (13, 0, 2)


def test_students_sleep() -> None:
    result = paired_test(*SLEEP)
    assert result.difference == pytest.approx(-1.58)
    assert result.p_t == pytest.approx(0.002833, abs=5e-7)  # t = -4.0621, 9 degrees of freedom
    assert (
        result.p_randomization == 2 / 2**9
    )  # nine differ, all the same way: only all signs or none reach that
    assert result.effect_size == pytest.approx(-4.0621 / math.sqrt(10), abs=1e-4)
    assert (result.wins, result.ties, result.losses) == (0, 1, 9)


def test_wilcoxons_test_of_nine_patients() -> None:
    # Hollander and Wolfe, Nonparametric Statistical Methods, 1973, pages 29 to 33: a depression scale before and after.
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    # Ranks of the two that rose are 2 and 3: 10 of 2^9 choices of signs have a sum of ranks of 5 or less.
    assert paired_test(before, after).p_wilcoxon == pytest.approx(2 * 10 / 2**9)


def test_holm_finds_what_benjamini_and_hochbergs_heart_attacks_show() -> None:
    # Benjamini and Hochberg, JRSS B 57, 1995, section 4.1: fifteen comparisons of two treatments; methods that keep the
    # chance of any false finding find three at 0.05.
    published = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0000,
    ]  # fmt: skip
    corrected = holm(published)
    assert corrected[:4] == pytest.approx([0.0015, 0.0056, 0.0247, 0.114])  # times 15, 14, 13, 12
    assert [p <= 0.05 for p in corrected] == [True] * 3 + [False] * 12


@pytest.mark.parametrize("n", [2, 7, 12, 60, 225])
def test_tests_agree_with_scipy(n: int) -> None:
    a, b = scores(n)
    result = paired_test(a, b)
    assert result.p_t == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=1e-9)
    assert result.p_wilcoxon == pytest.approx(stats.wilcoxon(a, b).pvalue, abs=1e-9)
    assert result.effect_size == pytest.approx((a - b).mean() / (a - b).std(ddof=1), abs=1e-9)


def test_the_exact_randomization_test_agrees_with_scipy() -> None:
    a, b = scores(12)
    theirs = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=10_000)
    assert paired_test(a, b).p_randomization == pytest.approx(theirs.pvalue, abs=1e-9)


def test_the_random_one_agrees_with_scipy_but_for_chance() -> None:
    a, b = scores(60)
    theirs = stats.permutation_test(
        (a - b,), np.mean, permutation_type="samples", n_resamples=10_000, rng=np.random.default_rng(3)
    )
    # Two estimates from 10,000 sign flips each: standard error at most sqrt(2 * 0.25 / 10,000) = 0.007
    assert paired_test(a, b).p_randomization == pytest.approx(theirs.pvalue, abs=0.025)


@pytest.mark.parametrize("n", [2, 12, 225])
def test_intervals_agree_with_scipy(n: int) -> None:
    values, _ = scores(n)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=10_000,
        method="percentile",
        confidence_level=1 - 2 * expanded_tail(n),
        rng=np.random.default_rng(0),
    ).confidence_interval
    result = Resampled.of(values[np.newaxis]).intervals()[0]
    assert tuple(result) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_few_queries_widen_the_interval() -> None:
    # Hesterberg 2015, section 3.3: n = 10 takes the 0.9 % and 99.1 % percentiles; many take those at 2.5 %.
    assert expanded_tail(10) == pytest.approx(0.0086, abs=0.0002)
    assert expanded_tail(100_000) == pytest.approx(0.025, abs=1e-4)


def test_holm_as_worked_out_by_hand() -> None:
    # sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, then 0.04 * 1, which is not below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 10))
def test_holm_agrees_with_statsmodels(p_values: list[float], more: int) -> None:
    # Tests that were not looked at count as if they had found nothing.
    with mock.patch(
        "gc.collect"
    ):  # statsmodels calls it each time: a second, with all that the tests have imported
        theirs = multipletests([*p_values, *([1.0] * more)], method="holm")[1][: len(p_values)]
    assert holm(p_values, len(p_values) + more) == pytest.approx(theirs.tolist(), abs=1e-9)


@settings(
    max_examples=30, deadline=None
)  # scipy's exact Wilcoxon test with ties takes half a second for twelve
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_swapping_the_two_turns_the_sign_and_nothing_else(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    forward, backward = paired_test(a, b, permutations=200), paired_test(b, a, permutations=200)
    assert forward.difference == pytest.approx(-backward.difference, abs=1e-12)
    assert forward.p_randomization == backward.p_randomization
    assert (forward.wins, forward.ties, forward.losses) == (backward.losses, backward.ties, backward.wins)
    numbers = (
        forward.difference,
        forward.p_randomization,
        forward.p_t,
        forward.p_wilcoxon,
        forward.interval.low,
        forward.interval.high,
    )
    assert not any(number is None or math.isnan(number) for number in numbers)


def test_variants_that_are_the_same() -> None:
    a, _ = scores(40)
    result = paired_test(a, a)
    assert (result.p_randomization, result.p_t, result.p_wilcoxon) == (1.0, 1.0, 1.0)
    assert (result.difference, result.interval, result.effect_size) == (0.0, Interval(0.0, 0.0), None)
    assert (result.wins, result.ties, result.losses) == (0, 40, 0)


def test_one_query_shows_nothing() -> None:
    result = paired_test(np.array([0.75]), np.array([0.25]))
    assert (result.n, result.difference, result.wins) == (1, 0.5, 1)
    assert (result.p_randomization, result.p_t, result.p_wilcoxon) == (1.0, 1.0, 1.0)
    assert (result.interval, result.effect_size) == (Interval(-math.inf, math.inf), None)


def test_the_same_difference_everywhere() -> None:
    result = paired_test(np.full(30, 0.75), np.full(30, 0.25))
    assert result.p_randomization < 0.001
    assert result.p_t == 0.0  # t is infinite
    assert (result.interval, result.effect_size) == (Interval(0.5, 0.5), None)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no query that all of them completed"):
        paired_test(np.array([]), np.array([]))
    with pytest.raises(InvalidInputError, match="a query has no score"):
        Resampled.of(np.array([[0.5, np.nan]]))
    with pytest.raises(InvalidInputError, match="2 scores cannot be paired with 3"):
        paired_test(np.zeros(2), np.zeros(3))


def test_many_rows_give_what_each_pair_gives() -> None:
    a, b = scores(60)
    c = np.roll(a, 1)
    rows = Resampled.of(np.stack([a, b, c])).against(1)
    for row, values in enumerate((a, b, c)):
        alone = paired_test(values, b)
        assert rows.p_randomization()[row] == alone.p_randomization
        assert rows.p_t()[row] == pytest.approx(alone.p_t, abs=1e-12)
        assert rows.intervals()[row] == pytest.approx([alone.interval.low, alone.interval.high], abs=1e-12)


def test_a_p_too_small_for_the_flips_is_the_t_tests() -> None:
    a, b = scores(200)
    rows = Resampled.of(np.stack([a + 1, b]), permutations=999).against(1)
    assert rows.p_randomization()[0] == 1 / 1000
    first, second = rows.evidence()
    assert first.p == rows.p_t()[0] < 1e-9
    assert (first.test, second.test) == ("t", "randomization")
    assert second.p == 1


def test_needed_queries() -> None:
    # (1.95996 + 0.84162)^2 * (0.25 / 0.05)^2 = 7.8489 * 25 = 196.2
    assert needed_queries(0.25, 0.05) == 197
    assert needed_queries(0.25, -0.05) == 197
    assert needed_queries(0.25, 0.0) is None
    assert needed_queries(0.0, 0.1) == 2
    assert needed_queries(0.25, detectable_difference(500) or 0) in (500, 501)


def null_experiments(n_experiments: int, n_variants: int, n: int) -> Doubles:
    """Experiments [n_experiments, n_variants, n] in which no variant is better: hard and easy queries, and chance."""
    draw = np.random.default_rng(11)
    difficulty = draw.beta(0.6, 0.8, (n_experiments, 1, n))
    return np.clip(difficulty + draw.normal(0, 0.2, (n_experiments, n_variants, n)), 0, 1)


def p_to(values: Doubles, reference: Doubles) -> Doubles:
    """Randomization tests of every experiment's variants against one of each: [n_experiments, n_variants]."""
    n_experiments, n_variants, n = values.shape
    differences = np.ascontiguousarray((values - reference).reshape(-1, n))
    sampled = Resampled.of(differences, resamples=0, permutations=999)
    p: Doubles = np.array([shown.p for shown in sampled.evidence()])
    return p.reshape(n_experiments, n_variants)


ERROR = 3 * math.sqrt(0.05 * 0.95 / 1000)
"""Three standard errors of a share of 5 % in 1,000 experiments: 2.1 %."""


def test_without_a_true_difference_holm_rejects_no_more_than_alpha() -> None:
    values = null_experiments(1000, 5, 50)
    to_baseline = p_to(values, values[:, :1])[:, 1:]
    wrong = [min(holm(p.tolist())) <= 0.05 for p in to_baseline]
    assert np.mean(wrong) <= 0.05 + ERROR


def test_without_a_true_difference_no_variant_is_left_out_of_the_tie_group() -> None:
    values = null_experiments(1000, 5, 50)
    best = values.mean(axis=2).argmax(axis=1)
    p = p_to(values, values[np.arange(1000), best][:, np.newaxis])
    others = [np.delete(row, place).tolist() for row, place in zip(p, best, strict=True)]
    assert np.mean([min(holm(row, 10)) <= 0.05 for row in others]) <= 0.05 + ERROR
    # The best was picked after looking: corrected for four pairs only, more than 5 % of experiments are wrong.
    assert np.mean([min(holm(row)) <= 0.05 for row in others]) > 0.05 + ERROR / 3


@pytest.mark.parametrize(
    ("shape", "mean"), [("scores", 0.6 / 1.4), ("differences", 0.0), ("mostly zero", 0.1)]
)
def test_intervals_cover_what_they_promise(shape: str, mean: float) -> None:
    draw, size = np.random.default_rng(5), (3000, 100)
    values = {
        "scores": draw.beta(0.6, 0.8, size),
        "differences": np.where(draw.random(size) < 0.5, 0.0, draw.normal(0, 0.3, size)),
        "mostly zero": np.where(draw.random(size) < 0.8, 0.0, draw.random(size)),
    }[shape]
    low, high = Resampled.of(values, resamples=1000, permutations=0).intervals().T
    assert np.mean((low <= mean) & (mean <= high)) == pytest.approx(0.95, abs=0.015)
