"""The similarity of two ranked lists: overlap, rank-biased overlap, rank correlation; for many pairs at once.

A pair of lists is described by their lengths and the ranks of their common documents: these numbers depend on no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.domain.ranking import Doubles, Ints

PERSISTENCE: Final = 0.9
"""Persistence of rank-biased overlap: the probability that a reader continues to the next rank. Ranks 1 to 10 have 86 %
of the weight."""


@dataclass(frozen=True)
class CommonDocuments:
    """The documents that both lists of a pair have, for many pairs.

    Attributes:
        lengths_a, lengths_b: [n_pairs] int64, number of documents in each list.
        pair: [n_common] int64, the pair to which a common document belongs.
        rank_a, rank_b: [n_common] int64, its rank in the first and in the second list, from 1.
    """

    lengths_a: Ints
    lengths_b: Ints
    pair: Ints
    rank_a: Ints
    rank_b: Ints


def jaccard(common: CommonDocuments, depth: int) -> Doubles:
    """Jaccard index of the first `depth` documents of both lists: [n_pairs] float64.

    1 for two empty lists (Jaccard, Bulletin de la Société Vaudoise des Sciences Naturelles 37, 1901).
    """
    within = np.maximum(common.rank_a, common.rank_b) <= depth
    both = np.bincount(common.pair[within], minlength=len(common.lengths_a))
    either = np.minimum(common.lengths_a, depth) + np.minimum(common.lengths_b, depth) - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0)


def rank_biased_overlap(common: CommonDocuments, persistence: float = PERSISTENCE) -> Doubles:
    """Rank-biased overlap, extrapolated beyond the lists' ends (RBO_ext): [n_pairs] float64, 1 for the same lists.

    With s and l the lengths of the shorter and the longer list, p the persistence, and X_d the number of documents
    common to the first d of both:

        (1-p)/p * (sum_{d=1..l} X_d/d p^d + sum_{d=s+1..l} X_s (d-s)/(s d) p^d) + ((X_l - X_s)/l + X_s/s) p^l

    (Webber, Moffat and Zobel, A similarity measure for indefinite rankings, ACM Transactions on Information Systems
    28, 2010, equation 32). The value is 1 for two empty lists, and 0 if only one list is empty.
    """
    n_pairs = len(common.lengths_a)
    shorter = np.minimum(common.lengths_a, common.lengths_b)
    longer = np.maximum(common.lengths_a, common.lengths_b)
    n_depths = max(int(longer.max(initial=0)), 1)
    # A document counts from the depth at which both lists contain it.
    cells = common.pair * n_depths + np.maximum(common.rank_a, common.rank_b) - 1
    common_at = np.bincount(cells, minlength=n_pairs * n_depths).reshape(n_pairs, n_depths).cumsum(axis=1)

    depths = np.arange(1, n_depths + 1)
    powers = persistence**depths
    rows, s, l = np.arange(n_pairs), np.maximum(shorter, 1), np.maximum(longer, 1)  # noqa: E741  the paper's letters
    at_s = np.where(shorter > 0, common_at[rows, s - 1], 0)[:, None]
    at_l = common_at[rows, l - 1][:, None]
    s, l, seen = s[:, None], l[:, None], depths <= longer[:, None]  # noqa: E741
    beyond_s = at_s * (depths - s) / (s * depths) * (depths > s)
    summed = ((common_at / depths + beyond_s) * powers * seen).sum(axis=1)
    tail = ((at_l - at_s) / l + at_s / s) * persistence**l
    overlap = (1 - persistence) / persistence * summed + tail[:, 0]
    return np.where(longer == 0, 1.0, np.where(shorter == 0, 0.0, overlap))


def rank_correlation(common: CommonDocuments) -> Doubles:
    """Kendall's tau over the common documents: [n_pairs] float64, NaN for fewer than two common documents.

    1 if both lists have them in the same order, -1 if in reverse order (Kendall, A new measure of rank correlation,
    Biometrika 30, 1938). No two documents share a rank, so tau-a and tau-b are the same.
    """
    n_pairs = len(common.lengths_a)
    sizes = np.bincount(common.pair, minlength=n_pairs)
    order = np.lexsort((common.rank_a, common.pair))
    pair = common.pair[order]
    place = np.arange(len(pair)) - (sizes.cumsum() - sizes)[pair]
    width = int(sizes.max(initial=0))
    beyond = np.iinfo(np.int32).max  # padding that is never out of order
    ranks = np.full((n_pairs, width), beyond, dtype=np.int32)
    ranks[pair, place] = common.rank_b[order]
    discordant = np.zeros(n_pairs, dtype=np.int64)
    for apart in range(1, width):
        discordant += np.count_nonzero(ranks[:, :-apart] > ranks[:, apart:], axis=1)
    of = sizes * (sizes - 1) / 2
    return np.where(of > 0, 1 - 2 * discordant / np.maximum(of, 1), np.nan)
