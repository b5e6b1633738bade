"""Whether a p-value counts as evidence, alone and among many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluator.domain.statistics.power import SIGNIFICANCE


def is_significant(p: float) -> bool:
    """Whether a p-value counts as evidence at the usual level: the level itself does."""
    return p <= SIGNIFICANCE


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """p-values corrected for how many there are: the chance of any false finding stays below the level.

    Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979: the
    smallest times m, the next times m - 1, ..., never smaller than the one before, at most 1.

    Args:
        p_values: of the tests that were looked at.
        family: m, if these were picked from more tests; their number by default.

    Returns:
        Corrected p-values in the given order.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    factors = (family or len(p)) - np.arange(len(p))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return corrected.tolist()
