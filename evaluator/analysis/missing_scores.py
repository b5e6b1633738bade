"""Queries that have a score, but not by every measure: some measures have no value for some lists."""

from __future__ import annotations

import numpy as np

from evaluator.domain.measures.scoring import JUDGED
from evaluator.store.scores import ScoreArrays


def uncomputed(arrays: ScoreArrays) -> dict[str, int]:
    """Queries without a value by measure, where some variant has a score of the query; measures without any are absent.

    Args:
        arrays: with `Judged@10`, which every scored query has.
    """
    scored = np.isfinite(arrays.values[JUDGED])
    lacking = {
        measure: int((scored & ~np.isfinite(values)).any(axis=0).sum())
        for measure, values in arrays.values.items()
    }
    return {measure: n for measure, n in lacking.items() if n}
