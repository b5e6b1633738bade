"""Statistical tests of two variants over the same queries, for one pair or many pairs at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics.resampling import PERMUTATIONS, Evidence, Interval, Resampled, TestName
from evaluator.domain.statistics.significance import is_significant
from evaluator.errors import InvalidInputError


@dataclass(frozen=True)
class PairedTest:
    """A comparison of two variants over the same queries, the first minus the second.

    Tests are two-sided; no value is NaN.

    Attributes:
        n: number of queries.
        difference: mean of the per-query differences.
        interval: confidence interval of that mean; see `Resampled.intervals`.
        p_randomization: p of the sign-flip test; see `Resampled.p_randomization`.
        p_t: p of the paired t-test; 1 for a single query, and if no query differs.
        p_wilcoxon: p of Wilcoxon's signed-rank test without zero differences; 1 if no query differs, None if the test
            was not requested: it takes half a second for few queries with ties, and never decides.
        effect_size: mean over standard deviation of the differences (Cohen's d_z); None if they do not vary.
        wins, ties, losses: number of queries at which the first scored higher, equal, lower.
        decisive: the test whose p decides; see `Resampled.evidence`.
    """

    n: int
    difference: float
    interval: Interval
    p_randomization: float
    p_t: float
    p_wilcoxon: float | None
    effect_size: float | None
    wins: int
    ties: int
    losses: int
    decisive: TestName = "randomization"

    @property
    def evidence(self) -> Evidence:
        """The p-value that decides."""
        p = self.p_t if self.decisive == "t" else self.p_randomization
        return Evidence(self.difference, p, self.decisive)

    @property
    def tests_disagree(self) -> bool:
        """Whether the randomization test finds the difference and the t-test does not, or the other way round."""
        return is_significant(self.p_t) != is_significant(self.p_randomization)


def paired_test(
    a: Doubles, b: Doubles, *, permutations: int = PERMUTATIONS, seed: int = 0, ranks: bool = True
) -> PairedTest:
    """Compare two variants over the same queries.

    Args:
        a: [n] float64, the first variant's score of each query.
        b: [n] float64, the second variant's scores, in the same order.
        permutations: number of sign flips, and of bootstrap samples.
        seed: seed of NumPy's generator.
        ranks: whether to compute Wilcoxon's test.

    Raises:
        InvalidInputError: there is no query, a score is not finite, or the lengths differ.
    """
    if a.shape != b.shape:
        raise InvalidInputError(f"{a.size} scores cannot be paired with {b.size}: give one a query to both")
    differences = (a - b)[np.newaxis]
    sampled = Resampled.of(differences, resamples=permutations, permutations=permutations, seed=seed)
    return paired_tests(sampled, ranks=ranks)[0]


def paired_tests(differences: Resampled, *, ranks: bool = True) -> list[PairedTest]:
    """The tests of many pairs over the same queries; each row is one variant minus another: [n_rows].

    Args:
        differences: the per-query differences of the pairs.
        ranks: whether to compute Wilcoxon's test.
    """
    means, deviations = differences.values.mean(axis=1), differences.deviations
    columns = (
        differences.intervals(),
        differences.p_randomization(),
        differences.p_t(),
        differences.evidence(),
    )
    return [
        PairedTest(
            n=len(row),
            difference=float(mean),
            interval=Interval(*interval.tolist()),
            p_randomization=float(p_randomization),
            p_t=float(p_t),
            p_wilcoxon=_wilcoxon(row) if ranks else None,
            effect_size=float(mean / deviation) if deviation > 0 else None,
            wins=int((row > 0).sum()),
            ties=int((row == 0).sum()),
            losses=int((row < 0).sum()),
            decisive=evidence.test,
        )
        for row, mean, deviation, interval, p_randomization, p_t, evidence in zip(
            differences.values, means, deviations, *columns, strict=True
        )
    ]


def _wilcoxon(differences: Doubles) -> float:
    """p of Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945); scipy chooses between exact and approximate."""
    from scipy import stats  # noqa: PLC0415  takes 0.6 s, and only this test needs it

    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)
