from __future__ import annotations

import pytest

from evaluator.domain.statistics.power import detectable_difference


def test_fifty_queries() -> None:
    # z(0.975) = 1.960, z(0.8) = 0.842: 2.802 * 0.25 / sqrt(50)
    assert detectable_difference(50) == pytest.approx(0.0991, abs=0.0001)


def test_four_times_the_queries_show_half_the_difference() -> None:
    assert detectable_difference(400) == pytest.approx((detectable_difference(100) or 0) / 2)


def test_a_measured_deviation_takes_the_place_of_the_assumed_one() -> None:
    assert detectable_difference(50, 0.5) == pytest.approx(2 * (detectable_difference(50) or 0))


def test_stricter_tests_need_larger_differences() -> None:
    # z(0.995) + z(0.9) = 2.576 + 1.282 = 3.857
    difference = detectable_difference(100, 0.25, significance=0.01, power=0.9)
    assert difference == pytest.approx(3.857 * 0.25 / 10, abs=0.0001)


def test_no_difference_is_larger_than_one() -> None:
    assert detectable_difference(2, 1.0) == 1


@pytest.mark.parametrize("n_queries", [0, 1])
def test_fewer_than_two_queries_show_nothing(n_queries: int) -> None:
    assert detectable_difference(n_queries) is None
