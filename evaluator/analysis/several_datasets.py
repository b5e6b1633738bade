"""Several datasets at once: the ranks of the same variants on each, and an average only where it is meaningful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from evaluator.analysis.leaderboard import Leaderboard, leaderboard
from evaluator.domain.experiment import encoder_key, models_of
from evaluator.domain.measures.scoring import canonical_measures
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import Variant
from evaluator.errors import InvalidInputError
from evaluator.workspace.workspace import Workspace

Identity = tuple[str, tuple[str, ...]]
"""Fingerprints of a pipeline and of its models."""
Key = tuple[Identity, int]
"""An identity and its occurrence from 0: an experiment may have the same variant under several names."""


@dataclass(frozen=True)
class AcrossRow:
    """One variant over several experiments; lists are in the order of `Across.boards`, None where it did not run.

    Attributes:
        name: the variant's name in the first experiment that has it.
        ranks: among the variants with a score in that experiment, from 1; equal scores share the mean of their ranks.
        tied: whether it is in that experiment's tie group.
        average_rank, average_score: over all experiments; None if `Across.reasons` is not empty.
    """

    name: str
    scores: tuple[float | None, ...]
    ranks: tuple[float | None, ...]
    tied: tuple[bool | None, ...]
    average_rank: float | None
    average_score: float | None


@dataclass(frozen=True)
class Across:
    """Several experiments beside each other.

    Attributes:
        measure: a measure that all of them computed.
        rows: one per variant (the same pipeline and the same models), best average or first rank first.
        reasons: why there is no average, in whole sentences; empty if there is one.
    """

    measure: str
    boards: tuple[Leaderboard, ...]
    rows: tuple[AcrossRow, ...]
    reasons: tuple[str, ...]


def identity(experiment: ExperimentRow, variant: Variant) -> Identity:
    """What identifies a variant in any experiment: the fingerprints of its pipeline and its models."""
    encoders = experiment.spec.encoders
    return variant.fingerprint, tuple(
        encoders[encoder_key(stage)].fingerprint for stage in models_of(variant)
    )


def shared_measures(experiments: Sequence[ExperimentRow]) -> tuple[str, ...]:
    """Measures that all of them computed, in the first one's order."""
    first, *others = experiments
    return tuple(m for m in first.spec.measures if all(m in other.spec.measures for other in others))


def across(workspace: Workspace, experiments: Sequence[ExperimentRow], measure: str | None = None) -> Across:
    """Rank the variants of several experiments on each of them.

    Args:
        experiments: at least two.
        measure: by default the first that all of them computed.

    Raises:
        InvalidInputError: there are fewer than two experiments, or they do not share this measure or any.
        UnknownNameError: one was deleted in the meantime.
    """
    if len(experiments) < 2:
        raise InvalidInputError("one experiment has nothing beside it; name two or more: ?experiments=a,b")
    shared = shared_measures(experiments)
    chosen = canonical_measures([measure])[0] if measure else next(iter(shared), None)
    if chosen is None or chosen not in shared:
        names = ", ".join(experiment.name for experiment in experiments)
        has = f"they share {', '.join(shared)}" if shared else "they share no measure"
        raise InvalidInputError(f"not all of {names} computed {chosen or 'one measure'}; {has}")
    return beside(
        chosen,
        workspace.frozen(
            lambda: tuple(leaderboard(workspace, experiment, chosen) for experiment in experiments)
        ),
    )


def beside(measure: str, boards: tuple[Leaderboard, ...]) -> Across:
    """Combine leaderboards by the same measure."""
    reasons = tuple(_against_averages(boards))
    cells = [_cells(board) for board in boards]
    names = {key: cell.name for column in reversed(cells) for key, cell in column.items()}
    order = list(dict.fromkeys(key for column in cells for key in column))
    rows = [_row(names[key], [column.get(key) for column in cells], not reasons) for key in order]
    rows.sort(key=lambda row: (row.average_rank or 0.0, -(row.average_score or 0.0)))
    return Across(measure, boards, tuple(rows), reasons)


@dataclass(frozen=True)
class _Cell:
    name: str
    score: float
    rank: float
    tied: bool


def _cells(board: Leaderboard) -> Mapping[Key, _Cell]:
    scored = [(row.variant, row.score, bool(row.tied)) for row in board.rows if row.score is not None]
    ranks = stats.rankdata([-score for _, score, _ in scored]) if scored else []
    cells: dict[Key, _Cell] = {}
    occurrences: Counter[Identity] = Counter()
    for (name, score, tied), rank in zip(scored, ranks, strict=True):
        same = identity(board.experiment, board.experiment.spec.variant(name))
        cells[same, occurrences[same]] = _Cell(name, score, float(rank), tied)
        occurrences[same] += 1
    return cells


def _row(name: str, cells: Sequence[_Cell | None], averaged: bool) -> AcrossRow:
    present = [cell for cell in cells if cell is not None]
    return AcrossRow(
        name=name,
        scores=tuple(None if cell is None else cell.score for cell in cells),
        ranks=tuple(None if cell is None else cell.rank for cell in cells),
        tied=tuple(None if cell is None else cell.tied for cell in cells),
        average_rank=sum(cell.rank for cell in present) / len(cells) if averaged else None,
        average_score=sum(cell.score for cell in present) / len(cells) if averaged else None,
    )


def _against_averages(boards: Sequence[Leaderboard]) -> list[str]:
    """Why averages over these experiments would be meaningless."""
    reasons = []
    policies = sorted({board.experiment.spec.policy for board in boards})
    if len(policies) > 1:
        reasons.append(f"They were scored under different ranking policies: {', '.join(map(str, policies))}.")
    datasets = [board.experiment.dataset for board in boards]
    if twice := sorted({dataset for dataset in datasets if datasets.count(dataset) > 1}):
        reasons.append(f"More than one of them is over {', '.join(twice)}, which would count that often.")
    running = [board.experiment.name for board in boards if board.experiment.status != "finished"]
    if running:
        reasons.append(f"Not finished: {', '.join(running)}.")
    keys: list[set[Key]] = [set(_cells(board)) for board in boards]
    if different := set[Key]().union(*keys) - keys[0].intersection(*keys):
        kinds = "One variant has" if len(different) == 1 else f"{len(different)} variants have"
        reasons.append(f"{kinds} no score on all of them, so that averages would be over different datasets.")
    return reasons
