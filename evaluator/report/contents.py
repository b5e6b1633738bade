"""Collects the contents of an experiment's report, which are the same as on the pages."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import altair as alt
import pandas as pd

from evaluator.analysis.costs import cost_records
from evaluator.analysis.leaderboard import BoardRow, Leaderboard, board_of
from evaluator.analysis.pair import PairLook, pair_table
from evaluator.analysis.pair_wording import headline
from evaluator.analysis.pairwise import Outcome
from evaluator.analysis.recommendation import COSTS, Cost, recommend
from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.analysis.verdict import verdict
from evaluator.charts.comparison import MOST_BARS, difference_bars, difference_histogram, score_scatter
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Provenance, SourceFile
from evaluator.domain.matrix import pipeline_label
from evaluator.domain.measures.policy import POLICIES
from evaluator.domain.names import without_folder
from evaluator.domain.printable import csv_text
from evaluator.domain.records import DatasetVersion, ExperimentRow
from evaluator.domain.teamwork.records import Decision
from evaluator.domain.teamwork.wording import decision_words
from evaluator.experiments.overview import experiment_yaml, failures
from evaluator.library import catalog
from evaluator.library.provenance import UNKNOWN, files_shown, sentences
from evaluator.library.remarks import remarks
from evaluator.library.word_use import word_uses
from evaluator.report.figures import (
    DRAWN,
    HALF_WIDTH,
    WIDTH,
    compared,
    image,
    ink,
    scores_figure,
    sides,
    tradeoffs_figure,
)
from evaluator.teamwork.comments import decisions
from evaluator.workspace.workspace import Workspace

PACKAGES = (
    "retrieval-evaluator",
    "ir-measures",
    "pytrec-eval-terrier",
    "bm25s",
    "sentence-transformers",
    "torch",
    "faiss-cpu",
    "model2vec",
    "numpy",
    "scipy",
    "duckdb",
)
"""Packages whose versions a report names."""
EXTREMES = 5
"""Queries shown for each variant among those at which it wins by most."""
LISTED = 20
"""Maximum failed queries that are listed; the others are only counted."""


@dataclass(frozen=True)
class QueryLine:
    """One query of a comparison."""

    query_id: str
    text: str
    a: float
    b: float
    difference: float


@dataclass(frozen=True)
class Comparison:
    """A comparison of the two variants between which a decision is most likely.

    Attributes:
        outcome: the result of the comparison.
        headline: the conclusion that the evidence allows.
        differences, histogram, scatter: figures as SVG.
        drawn: the queries that the bars stand for, in words.
        best_for_a, best_for_b: the queries at which either variant wins by most.
    """

    outcome: Outcome
    headline: str
    differences: str
    histogram: str
    scatter: str
    drawn: str
    best_for_a: tuple[QueryLine, ...]
    best_for_b: tuple[QueryLine, ...]


@dataclass(frozen=True)
class Contents:
    """The contents of a report; figures are SVG, texts are plain unless stated otherwise.

    Attributes:
        verdict: the conclusion that the evidence allows.
        advice: which variant to take, and why; empty until the experiment is finished.
        decisions: which variant ships, in words; the first one counts.
        notes: what is not final, or left out.
        policy: Markdown.
        csv: the leaderboard for spreadsheets.
        pipelines: each variant's name, its pipeline in words, and its fingerprint.
        provenance: where the dataset comes from, a sentence each.
        files: the first files that were imported.
        fingerprints: names and fingerprints of the experiment, the dataset, its parts and the encoders.
    """

    experiment: ExperimentRow
    board: Leaderboard
    dataset_lines: tuple[str, ...]
    verdict: str
    advice: tuple[str, ...]
    decisions: tuple[str, ...]
    notes: tuple[str, ...]
    scores: str | None
    tradeoffs: str | None
    cost_label: str
    costs: tuple[dict[str, object], ...]
    comparison: Comparison | None
    failures: tuple[tuple[str, str, str], ...]
    failures_left: int
    policy: str
    yaml: str
    csv: str
    pipelines: tuple[tuple[str, str, str], ...]
    fingerprints: tuple[tuple[str, str], ...]
    provenance: tuple[str, ...]
    files: tuple[SourceFile, ...]
    versions: tuple[tuple[str, str], ...]
    written_at: datetime


Pair = tuple[str | None, str | None]


def collect(
    workspace: Workspace,
    experiment: ExperimentRow,
    measure: str | None = None,
    baseline: str | None = None,
    pair: Pair = (None, None),
) -> Contents:
    """Collect a report on the current state of an experiment.

    Args:
        workspace: the workspace.
        experiment: the experiment.
        measure: by default the experiment's first measure.
        baseline: the variant that the others are compared with.
        pair: the two variants that are compared; by default those between which a decision is most likely.

    Raises:
        InvalidInputError, UnknownNameError: as `leaderboard`.
    """
    read = workspace.frozen(lambda: _read(workspace, experiment.id, measure, baseline, pair))
    experiment, board = read.snapshot.experiment, read.board
    cost, tradeoffs = _tradeoffs(board)
    return Contents(
        experiment=experiment,
        board=board,
        dataset_lines=tuple(_dataset(workspace, experiment, read.versions)),
        verdict=verdict(board),
        advice=_advice(read.snapshot, board),
        decisions=tuple(decision_words(each) for each in read.decisions),
        notes=(*_notes(board), *_word_notes(workspace, experiment)),
        scores=_svg(scores_figure(board)) if board.n_scored else None,
        tradeoffs=tradeoffs,
        cost_label=COSTS[cost].label,
        costs=tuple(cost_records(experiment.spec, read.snapshot.costs)),
        comparison=_comparison(workspace, read.look),
        failures=read.failures,
        failures_left=max(0, sum(row.counts.failed for row in board.rows) - LISTED),
        policy=POLICIES[experiment.spec.policy],
        yaml=experiment_yaml(experiment),
        csv=csv_text(list(board.records[0]), (list(row.values()) for row in board.records))
        if board.rows
        else "",
        pipelines=tuple(
            (variant.name, pipeline_label(variant), variant.fingerprint)
            for variant in experiment.spec.variants
        ),
        fingerprints=tuple(_fingerprints(experiment)),
        provenance=_provenance(read),
        files=() if read.provenance is None else tuple(files_shown(read.provenance[1])[0]),
        versions=tuple(_versions()),
        written_at=datetime.now(UTC),
    )


@dataclass(frozen=True, eq=False)
class _Read:
    """The data of a report, read in one transaction."""

    snapshot: Snapshot
    board: Leaderboard
    look: PairLook | None
    failures: tuple[tuple[str, str, str], ...]
    versions: Sequence[DatasetVersion]
    provenance: tuple[int, Provenance] | None
    decisions: Sequence[Decision]


def _read(
    workspace: Workspace, experiment: str, measure: str | None, baseline: str | None, pair: Pair
) -> _Read:
    snapshot = read_snapshot(workspace, experiment)
    board = board_of(snapshot, measure, baseline=baseline)
    versions = catalog.versions(workspace, snapshot.experiment.dataset_id)
    fingerprint = snapshot.experiment.spec.dataset
    version = max((row.version for row in versions if row.manifest.fingerprint == fingerprint), default=0)
    failed = failures(workspace, snapshot.experiment, LISTED).itertuples(index=False, name=None)
    return _Read(
        snapshot,
        board,
        compared(workspace, board, *pair),
        tuple((str(variant), str(query), str(error)) for variant, query, error in failed),
        versions,
        catalog.provenance_until(workspace, snapshot.experiment.dataset_id, version),
        decisions(workspace, snapshot.experiment),
    )


def _svg(chart: alt.Chart | alt.LayerChart, width: int = WIDTH) -> str:
    return image(chart, "svg", width).decode()


def _tradeoffs(board: Leaderboard) -> tuple[Cost, str | None]:
    """A figure of quality against the first kind of cost that can be drawn; None if there is none."""
    for cost in COSTS:
        chart = tradeoffs_figure(board, cost)
        if chart is not None:
            return cost, _svg(chart)
    return "p95_ms", None


def _advice(snapshot: Snapshot, board: Leaderboard) -> tuple[str, ...]:
    if board.experiment.status != "finished":
        return ()
    advice = recommend(snapshot, board, {})
    return () if advice.variant is None else (f"Take {advice.variant}.", *advice.reasons)


def _notes(board: Leaderboard) -> Iterator[str]:
    experiment = board.experiment
    waiting = sum(row.waiting for row in board.rows if row.error is None)
    if experiment.active:
        yield f"The experiment was running when this was written: {waiting:,} queries were waiting."
    elif experiment.status == "cancelled":
        yield f"The experiment was cancelled: {waiting:,} queries over all variants were not evaluated."
    for row in board.rows:
        yield from _trouble(row)
    unscored = max((row.unscored for row in board.rows), default=0)
    if unscored:
        yield f"{unscored:,} queries have no relevant document, hence no score."
    if len(board.rows) > DRAWN:
        yield f"Charts show the first {DRAWN} of {len(board.rows)} variants; the table has all of them."


def _word_notes(workspace: Workspace, experiment: ExperimentRow) -> Iterator[str]:
    """How BM25 finds words, and what is to be known about that and about runs."""
    yield from (use.choice for use in word_uses(workspace, experiment.spec))
    yield from remarks(workspace, experiment.spec)


def _trouble(row: BoardRow) -> Iterator[str]:
    if row.error is not None:
        yield f"{row.variant} failed: {row.error}"
    if failed := row.counts.failed:
        yield f"{failed:,} queries failed with {row.variant}; they have no score and are not averaged in."


def _dataset(
    workspace: Workspace, experiment: ExperimentRow, versions: Sequence[DatasetVersion]
) -> Iterator[str]:
    manifest = StoredDataset.open(workspace.store, experiment.spec.dataset).manifest
    yield (
        f"{manifest.n_documents:,} documents, {manifest.n_queries:,} queries, {manifest.n_judgments:,} judgments"
    )
    version = next((row for row in versions if row.manifest.fingerprint == manifest.fingerprint), None)
    if version is not None:
        source = without_folder(version.source)
        yield f"Version {version.version} of {experiment.dataset}: {version.change}, from {source}"
    if manifest.exclude_self:
        yield "A document with a query's own id is left out of that query's list."


def _provenance(read: _Read) -> tuple[str, ...]:
    return (UNKNOWN,) if read.provenance is None else tuple(sentences(*read.provenance))


def _comparison(workspace: Workspace, look: PairLook | None) -> Comparison | None:
    if look is None or look.pair is None:
        return None
    outcome = look.pair.outcome
    table = pair_table(workspace, look, look.pair)
    variants = sides(outcome.a, outcome.b)
    queries = len(table)
    return Comparison(
        outcome=outcome,
        headline=headline(outcome),
        differences=_svg(difference_bars(table, outcome.measure, variants, ink())),
        histogram=_svg(
            difference_histogram(table["difference"], outcome.measure, variants, ink()), HALF_WIDTH
        ),
        scatter=_svg(score_scatter(table, outcome.measure, variants, ink()), HALF_WIDTH),
        drawn=f"Every {queries / MOST_BARS:.0f}th of {queries:,} queries"
        if queries > MOST_BARS
        else "One bar per query",
        best_for_a=_lines(table[table["difference"] > 0].head(EXTREMES)),
        best_for_b=_lines(table[table["difference"] < 0].tail(EXTREMES)[::-1]),
    )


def _lines(table: pd.DataFrame) -> tuple[QueryLine, ...]:
    columns: Sequence[str] = ("query_id", "text", "a", "b", "difference")
    return tuple(QueryLine(*row) for row in table[list(columns)].itertuples(index=False, name=None))


def _fingerprints(experiment: ExperimentRow) -> Iterator[tuple[str, str]]:
    spec = experiment.spec
    yield from (
        ("experiment", spec.id),
        ("dataset", spec.dataset),
        ("documents", spec.corpus),
        ("queries", spec.queries),
        ("judgments", spec.qrels),
    )
    yield from ((f"encoder {encoder.name}", encoder.fingerprint) for encoder in spec.encoders.values())


def _versions() -> Iterator[tuple[str, str]]:
    yield "Python", platform.python_version()
    for package in PACKAGES:
        try:
            yield package, installed(package)
        except PackageNotFoundError:
            continue
