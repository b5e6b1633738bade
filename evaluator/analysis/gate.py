"""A gate against regressions: whether variants lose more against a baseline than is allowed (ADR 0037).

It adds no statistics of its own. It reads a leaderboard's record whose baseline is pinned: the 95 % interval of each
difference, and the decision on it (`evaluator.analysis.decisions`).

| verdict | the data say |
|---|---|
| pass | a larger loss than allowed is ruled out: the whole interval is above the bound |
| regression | a larger loss is shown: the whole interval is below the bound, and the difference is separable |
| undecided | neither |
| not evaluated | nothing: there is no difference to look at |
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from evaluator.analysis.pair_wording import p_words
from evaluator.analysis.verdict import fewest_for
from evaluator.domain.printable import markdown
from evaluator.domain.statistics.separability import Decision
from evaluator.errors import InvalidInputError, NotEvaluatedError, UnknownNameError

Record = Mapping[str, Any]
Verdict = Literal["pass", "regression", "undecided", "not evaluated"]
Undecided = Literal["fail", "pass"]
"""What an undecided comparison does to the gate."""

EQUAL = 1e-9
"""An end of an interval that is this close to the bound is on it: the rest is rounding."""
FEWEST = fewest_for(1)
"""With fewer queries no difference can be told from chance, however large, so nothing can be ruled out either."""
UNKNOWN = "–"
ENOUGH = 50
"""With fewer queries intervals are somewhat too narrow (docs/statistics.md)."""


@dataclass(frozen=True)
class Counts:
    """A variant's queries: scored, failed, and without a relevant document."""

    scored: int
    failed: int
    unscored: int


@dataclass(frozen=True)
class Compared:
    """A variant compared with the baseline; unknown values are None.

    Attributes:
        reason: why this verdict, as a clause whose subject is the variant.
        difference, low, high: the variant's mean minus the baseline's, and its 95 % interval.
        p, p_test, p_corrected: as on the leaderboard.
    """

    variant: str
    verdict: Verdict
    reason: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_test: str | None
    p_corrected: float | None
    wins: int | None
    ties: int | None
    losses: int | None
    counts: Counts


@dataclass(frozen=True)
class Gate:
    """The result for all compared variants.

    Attributes:
        max_loss: the largest loss allowed, in the measure's own unit.
        queries, compared: queries of the dataset, and those behind the differences.
        left_out: queries that some variant scored and that are not compared.
        corrected_for: what p is corrected for.
        of_baseline: the baseline's counts.
    """

    experiment: str
    id: str
    dataset: str
    measure: str
    baseline: str
    max_loss: float
    undecided: Undecided
    queries: int
    compared: int
    left_out: int
    corrected_for: str
    of_baseline: Counts
    variants: tuple[Compared, ...]

    @property
    def verdict(self) -> Verdict:
        """The verdict that decides: a regression before all, then what was not evaluated, then what is undecided."""
        found = {compared.verdict for compared in self.variants}
        order: tuple[Verdict, ...] = ("regression", "not evaluated", "undecided", "pass")
        return next(verdict for verdict in order if verdict in found)

    @property
    def passed(self) -> bool:
        """Whether the gate lets the variants through."""
        return self.verdict == "pass" or (self.verdict == "undecided" and self.undecided == "pass")

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON types."""
        return {**dataclasses.asdict(self), "verdict": self.verdict, "passed": self.passed}


def gate_of(
    board: Record, max_loss: float, variants: Sequence[str] = (), undecided: Undecided = "fail"
) -> Gate:
    """Compare variants with the baseline of a leaderboard.

    Args:
        board: a leaderboard's record (`leaderboard_record`) with a pinned baseline.
        max_loss: the largest loss allowed, in the measure's own unit.
        variants: the variants to compare; all but the baseline if empty.

    Raises:
        InvalidInputError: a value is out of bounds, or there is nothing to compare.
        UnknownNameError: there is no such variant.
        NotEvaluatedError: the experiment is not finished.
    """
    experiment, baseline = board["experiment"], str(board["baseline"])
    require_options(max_loss, undecided)
    names = require_variants([row["variant"] for row in board["variants"]], baseline, variants)
    if experiment["status"] != "finished":
        why = f": {experiment['reason']}" if experiment["reason"] else ""
        raise NotEvaluatedError(
            f"the experiment {experiment['name']!r} is {experiment['status']}{why}; a gate needs a finished one"
        )
    rows = {row["variant"]: row for row in board["variants"]}
    left_out = max(row["scored"] for row in board["variants"]) - board["compared"]
    return Gate(
        experiment=experiment["name"],
        id=experiment["id"],
        dataset=experiment["dataset"],
        measure=board["measure"],
        baseline=baseline,
        max_loss=max_loss,
        undecided=undecided,
        queries=experiment["queries"],
        compared=board["compared"],
        left_out=left_out,
        corrected_for=board["corrected_for"],
        of_baseline=_counts(rows[baseline]),
        variants=tuple(
            _compared(rows[name], rows[baseline], board["compared"], left_out, max_loss) for name in names
        ),
    )


def require_options(max_loss: float, undecided: str) -> None:
    """Check the values of a gate's options.

    Raises:
        InvalidInputError: one is out of bounds.
    """
    if not 0 <= max_loss < math.inf:
        raise InvalidInputError(f"the largest loss allowed is {max_loss:g}; give a number from 0 on")
    if undecided not in get_args(Undecided):
        raise InvalidInputError(f"undecided={undecided!r} is not one of {', '.join(get_args(Undecided))}")


def require_variants(known: Sequence[str], baseline: str, chosen: Sequence[str]) -> list[str]:
    """The variants to compare with the baseline; all others if none is chosen.

    Raises:
        InvalidInputError: the baseline is chosen itself, or is the only variant.
        UnknownNameError: the experiment has no variant of that name; lists those it has.
    """
    for name in (baseline, *chosen):
        if name not in known:
            raise UnknownNameError(f"the experiment has no variant {name!r}; it has {', '.join(known)}")
    if baseline in chosen:
        raise InvalidInputError(f"{baseline!r} is the baseline; choose other variants to compare with it")
    names = [name for name in known if name != baseline and (not chosen or name in chosen)]
    if not names:
        raise InvalidInputError(f"{baseline!r} is the only variant, so there is nothing to compare with it")
    return names


def _counts(row: Record) -> Counts:
    return Counts(row["scored"], row["failed"], row["unscored"])


def _compared(row: Record, baseline: Record, n: int, left_out: int, max_loss: float) -> Compared:
    verdict, reason = _verdict(row, baseline, n, left_out, max_loss)
    return Compared(
        variant=row["variant"],
        verdict=verdict,
        reason=reason,
        difference=row["difference"],
        low=row["difference_low"],
        high=row["difference_high"],
        **{name: row[name] for name in ("p", "p_test", "p_corrected", "wins", "ties", "losses")},
        counts=_counts(row),
    )


def _verdict(row: Record, baseline: Record, n: int, left_out: int, max_loss: float) -> tuple[Verdict, str]:
    for which, of in (("it", row), ("the baseline", baseline)):
        if of["error"]:
            return "not evaluated", f"was not compared, because {which} failed: {of['error']}"
    if not _known(row["difference"]):
        return "not evaluated", "was not compared: there is no query for which all variants have a score"
    if n < FEWEST:
        return "undecided", (
            f"was compared over {n} {_queries(n)}; below {FEWEST} no difference, however large, can be told from chance"
        )
    low, high = row["difference_low"], row["difference_high"]
    if not (_known(low) and _known(high)):
        return "undecided", "was compared, but its difference has no interval"
    decision = Decision(row["difference"], row["p"], row["p_test"], row["p_corrected"])
    if low >= -max_loss - EQUAL:
        return _if_complete(row, baseline, left_out)
    if high >= -max_loss - EQUAL:
        return "undecided", f"may lose up to {-low:.4f}: the data neither show nor rule out a larger loss"
    if not decision.separable:
        return "undecided", (
            f"seems to lose {-decision.difference:.4f}, but that may be chance "
            f"({p_words(decision.corrected)} after the correction)"
        )
    return "regression", f"loses {-decision.difference:.4f}, and the data show that it is more than allowed"


def _if_complete(row: Record, baseline: Record, left_out: int) -> tuple[Verdict, str]:
    """A pass, unless queries that could change it are missing: a query that fails may be one that would be lost."""
    missing = [
        f"{number:,} {_queries(number)} {what}"
        for number, what in (
            (row["failed"], "failed"),
            (baseline["failed"], "failed under the baseline"),
            (left_out, "with a score somewhere could not be compared"),
        )
        if number
    ]
    if missing:
        return "undecided", f"keeps within the bound where it was compared, but {', '.join(missing)}"
    if row["difference"] >= 0:
        return "pass", "scores no lower, and the data rule out a larger loss"
    return "pass", f"loses {-row['difference']:.4f}, and the data rule out a larger loss than allowed"


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _queries(number: int) -> str:
    return "query" if number == 1 else "queries"


def gate_text(gate: Gate) -> str:
    """The result as Markdown, for example for a comment on a pull request."""
    measure, baseline = markdown(gate.measure), markdown(gate.baseline)
    few = f" Below {ENOUGH} queries intervals are somewhat too narrow." if gate.compared < ENOUGH else ""
    lines = [
        f"### Retrieval gate: {_outcome(gate)}",
        "",
        f"No variant may lose more than {gate.max_loss:g} {measure} against **{baseline}**.",
        "",
        *(f"- **{markdown(of.variant)}** {markdown(of.reason)}." for of in gate.variants),
        *_about_undecided(gate),
        "",
        _line(
            "variant",
            "measure",
            "difference",
            "95 % interval",
            "p",
            "queries",
            "failed",
            "unscored",
            "verdict",
        ),
        "|---|---|--:|---|--:|--:|--:|--:|---|",
        _line(baseline, measure, "", "", "", *_in_words(gate.of_baseline), "baseline"),
        *(
            _line(markdown(of.variant), measure, *_difference(of), *_in_words(of.counts), f"**{of.verdict}**")
            for of in gate.variants
        ),
        "",
        f"Compared over {gate.compared:,} of {gate.queries:,} {_queries(gate.queries)}; "
        f"p is corrected for {markdown(gate.corrected_for)}.{few}",
        f"Experiment {markdown(gate.experiment)} ({markdown(gate.id)}) on {markdown(gate.dataset)}.",
    ]
    return "\n".join(lines)


def _outcome(gate: Gate) -> str:
    if gate.verdict == "pass":
        return "passed"
    return f"passed, though {gate.verdict}" if gate.passed else f"failed: {gate.verdict}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _difference(of: Compared) -> tuple[str, str, str]:
    """A difference, its interval and p, as on the leaderboard."""
    if of.difference is None or of.p_corrected is None or not _known(of.difference):
        return UNKNOWN, UNKNOWN, UNKNOWN
    between = f"{of.low:+.4f} to {of.high:+.4f}" if _known(of.low) and _known(of.high) else UNKNOWN
    return f"{of.difference:+.4f}", between, p_words(of.p_corrected).removeprefix("p ").removeprefix("= ")


def _in_words(counts: Counts) -> tuple[str, str, str]:
    return f"{counts.scored:,}", f"{counts.failed:,}", f"{counts.unscored:,}"


def _about_undecided(gate: Gate) -> list[str]:
    if gate.verdict != "undecided":
        return []
    if gate.undecided == "pass":
        return ["", "What is undecided was let through."]
    return [
        "",
        "What is undecided fails: judge more queries, complete those that failed, or allow a larger loss.",
    ]
