"""Scored queries without a value of some measure: some measures are undefined for some lists."""

from __future__ import annotations

import numpy as np

from evaluator.domain.measures.scoring import JUDGED
from evaluator.store.scores import ScoreArrays


def uncomputed(arrays: ScoreArrays) -> dict[str, int]:
    """The number of queries without a value, by measure, among the queries that some variant scored.

    Measures that have all values are absent.

    Args:
        arrays: including `Judged@10`, which every scored query has.
    """
    scored = np.isfinite(arrays.values[JUDGED])
    missing = {
        measure: int((scored & ~np.isfinite(values)).any(axis=0).sum())
        for measure, values in arrays.values.items()
    }
    return {measure: n for measure, n in missing.items() if n}
