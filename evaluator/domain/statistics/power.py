"""Statistical power: the smallest difference that some queries can show, and the queries that a difference needs."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

ASSUMED_DEVIATION: Final = 0.25
"""Standard deviation of the per-query differences of two variants, for a measure between 0 and 1.

Before any run, it can only be assumed. On Cranfield's 225 queries it is 0.20 for nDCG@10 and 0.39 for RR@10 between
all-MiniLM-L6-v2 and BM25: graded measures of several documents vary less, measures of a single document vary more.
"""

SIGNIFICANCE: Final = 0.05
"""Two-sided level of the test: the probability of finding a difference where there is none."""

POWER: Final = 0.8
"""The probability of finding a true difference."""


def detectable_difference(
    n_queries: int,
    deviation: float = ASSUMED_DEVIATION,
    *,
    significance: float = SIGNIFICANCE,
    power: float = POWER,
) -> float | None:
    """The smallest difference of two means that a paired test over these queries finds with the given power.

    (z(1 - significance / 2) + z(power)) * deviation / sqrt(n): the normal approximation of the paired t-test
    (Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988; for test collections Sakai, Topic set
    size design, Information Retrieval Journal 19, 2016).

    Args:
        n_queries: number of scored queries.
        deviation: standard deviation of the per-query differences, assumed or measured.
        significance: two-sided level of the test.
        power: probability of finding a difference of that size.

    Returns:
        The difference in the measure's own unit, at most 1; None for fewer than two queries, which show nothing.
    """
    if n_queries < 2:
        return None
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - significance / 2) + normal.inv_cdf(power)
    return min(1.0, quantiles * deviation / math.sqrt(n_queries))


def needed_queries(
    deviation: float, difference: float, *, significance: float = SIGNIFICANCE, power: float = POWER
) -> int | None:
    """The number of queries with which a paired test finds a difference of this size with the given power.

    ((z(1 - significance / 2) + z(power)) * deviation / difference)^2: `detectable_difference` solved for n (Cohen,
    1988; Sakai, Information Retrieval Journal 19, 2016).

    Args:
        deviation: standard deviation of the per-query differences.
        difference: assumed true difference of the two means.
        significance: two-sided level of the test.
        power: probability of finding the difference.

    Returns:
        At least 2; None for a difference of 0, which no number of queries can show.
    """
    if difference == 0:
        return None
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - significance / 2) + normal.inv_cdf(power)
    return max(2, math.ceil((quantiles * deviation / difference) ** 2))
