"""The verdict: one sentence that claims no more than a leaderboard's evidence supports."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from evaluator.analysis.leaderboard import Leaderboard
from evaluator.domain.statistics.power import SIGNIFICANCE

NAMED = 3
"""The most variants that a verdict names; others are counted."""
HOPELESS = 100_000
"""More queries than anybody will judge: a difference that needs more is called too small to confirm."""

Name = Callable[[str], str]


def verdict(board: Leaderboard, name: Name = str) -> str:
    """The best variant, how certain that is, and how many queries would make it more certain.

    Args:
        name: formats a variant's name, for example in bold.
    """
    if not board.compared or not board.tie_group:
        return "Nothing can be said yet: no query has been completed by all variants."
    best = name(board.tie_group[0])
    over = _queries(board.compared)
    if board.experiment.active:
        return f"So far {best} scores highest, over {over}. The experiment is running, so this may change."
    before = "The experiment was cancelled. " if board.experiment.status == "cancelled" else ""
    return before + _settled(board, best, over, name)


def fewest_queries(n_variants: int) -> int:
    """The number of queries below which no difference between this many variants can be significant, however large."""
    return fewest_for(n_variants * (n_variants - 1) // 2)


def fewest_for(comparisons: int) -> int:
    """The number of queries below which none of some comparisons can be significant, however large the difference.

    The randomization test's smallest p over n queries is 2 / 2^n; corrected for all of them it must reach the level.
    """
    return math.ceil(math.log2(2 * max(comparisons, 1) / SIGNIFICANCE))


def rounded(number: int) -> int:
    """An estimated number of queries, rounded up to two significant digits."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // unit) * unit


def _settled(board: Leaderboard, best: str, over: str, name: Name) -> str:
    tied, n_others = board.tie_group[1:], board.n_scored - 1
    if n_others == 0:
        return f"{best} is the only variant with a score, so there is nothing to compare it with."
    if not tied:
        others = f"the other {n_others} variants" if n_others > 1 else "the other variant"
        return f"{best} is best: {over} tell it from {others}."
    if board.compared < (fewest := fewest_queries(board.n_scored)):
        return (
            f"{best} scores highest, but {over} cannot show a difference among {board.n_scored} variants, "
            f"however large; at least {fewest} would be needed."
        )
    worse = n_others - len(tied)
    if not worse and n_others > NAMED:
        inseparable = f"{over} cannot tell any of the other {n_others} variants from it"
    else:
        inseparable = f"{over} cannot tell {_listed(tied, name)} from it"
    rest = f" {_count(worse)} {'is' if worse == 1 else 'are'} worse." if worse else ""
    return f"{best} scores highest; {inseparable}{_more(board, name)}.{rest}"


def _more(board: Leaderboard, name: Name) -> str:
    """The number of queries that would separate the first two variants, in words."""
    best, second = (next(row for row in board.scored if row.variant == tied) for tied in board.tie_group[:2])
    needed = None if second.mean is None else second.mean.needed
    gap = (best.score or 0.0) - (second.score or 0.0)
    why = (
        " to confirm a difference this small"
        if len(board.tie_group) == 2
        else f" to tell it from {name(second.variant)} by a difference this small"
    )
    if gap == 0:
        return f", and {name(second.variant)} has the same score"
    if needed is None or needed <= board.compared:
        return ""
    if needed > HOPELESS:
        return f"; they differ by {gap:.1g}, too small to confirm with any realistic number of queries"
    return f"; about {rounded(needed):,} would be needed{why}"


def _listed(names: Sequence[str], name: Name) -> str:
    shown = [name(variant) for variant in names[:NAMED]]
    if len(names) > NAMED:
        shown = [*shown[: NAMED - 1], f"{len(names) - NAMED + 1} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _count(number: int) -> str:
    return "One other variant" if number == 1 else f"The other {number} variants"


def _queries(number: int) -> str:
    return f"{number:,} {'query' if number == 1 else 'queries'}"
