"""The significance of p-values, alone and among many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluator.domain.statistics.power import SIGNIFICANCE


def is_significant(p: float) -> bool:
    """Whether a p-value is significant at the usual level, that is, at most equal to the level."""
    return p <= SIGNIFICANCE


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """p-values corrected for their number, so that the probability of any false finding is at most the level.

    Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979: the
    smallest p times m, the next times m - 1, ...; each at least the previous corrected p, and at most 1.

    Args:
        p_values: the p-values of the tests.
        family: m, if these tests were selected from more; by default their own number.

    Returns:
        Corrected p-values in the given order.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    factors = (family or len(p)) - np.arange(len(p))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return corrected.tolist()
