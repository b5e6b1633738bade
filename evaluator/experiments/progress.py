"""The progress of an experiment, derived from stored results so that it cannot contradict them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Lock

from evaluator.domain.experiment import ExperimentSpec, encoder_label
from evaluator.domain.records import ExperimentRow, VariantCounts
from evaluator.domain.status import Status
from evaluator.domain.variant import CrossEncoder, LanguageModel
from evaluator.errors import ArtifactMissingError
from evaluator.library import catalog
from evaluator.retrieval.candidates import Candidates
from evaluator.retrieval.search.indexes import Encoding, Sources
from evaluator.retrieval.vectors.encoding import encoded_shards, plan_names, shard_sizes
from evaluator.store import experiments
from evaluator.workspace.counts import counts_of
from evaluator.workspace.memory import Kind
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace

WINDOW = 30.0
"""Seconds over which rates are averaged."""

READER, SIZES = Kind("progress reader", 1), Kind("shard sizes", 256)


@dataclass(frozen=True)
class EncoderProgress:
    """Texts of one encoder."""

    encoder: str
    done: int
    total: int


@dataclass(frozen=True)
class SearchProgress:
    """Queries searched once for several variants."""

    name: str
    variants: int
    done: int
    total: int


@dataclass(frozen=True)
class VariantProgress:
    """Queries of one variant. `error`: why the whole variant failed."""

    variant: str
    recorded: int
    failed: int
    total: int
    error: str | None


@dataclass(frozen=True)
class PlanningProgress:
    """Progress of planning: texts whose encoding is planned, as cached or assigned to a job."""

    texts: int
    total: int


@dataclass(frozen=True)
class ExperimentProgress:
    """An experiment's progress at one moment.

    Attributes:
        status: a status of `domain.lifecycle`.
        searches: searches that variants still wait for.
        texts_per_second, queries_per_second: over the last half minute; None while nothing is completed.
        seconds_left: None if it cannot be estimated yet.
        trouble: why results are not being recorded, if they are not.
        reason: why the workers or the planner stopped it, if they did.
        planning: progress of planning, while that goes on.
    """

    id: str
    name: str
    status: Status
    encoders: tuple[EncoderProgress, ...]
    searches: tuple[SearchProgress, ...]
    variants: tuple[VariantProgress, ...]
    texts_per_second: float | None
    queries_per_second: float | None
    seconds_left: float | None
    trouble: str | None = None
    reason: str | None = None
    planning: PlanningProgress | None = None

    @property
    def texts_done(self) -> int:
        """Texts that have their vectors."""
        return sum(encoder.done for encoder in self.encoders)

    @property
    def texts_total(self) -> int:
        """Texts that need vectors."""
        return sum(encoder.total for encoder in self.encoders)

    @property
    def queries_done(self) -> int:
        """Queries recorded, over all variants; all queries of a variant that failed count as done."""
        return sum(v.total if v.error else v.recorded for v in self.variants)

    @property
    def queries_total(self) -> int:
        """Queries over all variants."""
        return sum(variant.total for variant in self.variants)

    @property
    def failed(self) -> int:
        """Queries that failed."""
        return sum(variant.failed for variant in self.variants)


class ProgressReader:
    """Reads progress repeatedly, for several threads; keeps recent counts to compute rates."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = Lock()
        self._samples: dict[str, deque[tuple[float, tuple[int, ...]]]] = {}

    def read(self, experiment: str) -> ExperimentProgress:
        """An experiment's progress now.

        Raises:
            UnknownNameError: there is no such experiment.
        """
        database = self._workspace.database

        def look() -> tuple[ExperimentRow, tuple[VariantCounts, ...]]:
            row = experiments.experiment(database, experiment)
            return row, counts_of(self._workspace, row)

        row, counts = self._workspace.frozen(look)
        variants = tuple(
            VariantProgress(
                str(r.variant),
                int(r.recorded),
                int(r.failed),
                row.n_queries,
                None if r.error is None else str(r.error),
            )
            for r in counts
        )
        encoders = self._encoders(row.spec)
        searches = self._searches(row, variants) if row.active else ()
        done = (
            sum(e.done for e in encoders),
            sum(s.done for s in searches),
            sum(v.recorded for v in variants),
        )
        remaining = (
            sum(e.total - e.done for e in encoders),
            sum(s.total - s.done for s in searches),
            sum(v.total - v.recorded for v in variants if not v.error),
        )
        rates = self._rates(row.id, done)
        recorder = self._workspace.recorder
        trouble = recorder.trouble if recorder is not None else None
        return ExperimentProgress(
            id=row.id,
            name=row.name,
            status=row.status,
            encoders=encoders,
            searches=searches,
            variants=variants,
            texts_per_second=rates[0],
            queries_per_second=rates[2],
            seconds_left=_seconds_left(remaining, rates, reads_candidates=_reads_candidates(row.spec)),
            trouble=trouble and without_paths(trouble),
            reason=row.reason and without_paths(row.reason),
            planning=self._planning(row),
        )

    def _planning(self, row: ExperimentRow) -> PlanningProgress | None:
        planning = self._workspace.plannings.of(row.id)
        if planning is None or row.status != "planning":
            return None
        return PlanningProgress(planning.watch.texts, planning.watch.total)

    def _encoders(self, spec: ExperimentSpec) -> tuple[EncoderProgress, ...]:
        """Texts by encoder; passages that are not cut yet count as their documents."""
        sources = Sources(spec, catalog.stored(self._workspace, spec.dataset), self._workspace.store)
        encodings = {
            (encoding.encoder.fingerprint, encoding.texts.part, encoding.texts.role): encoding
            for variant in spec.variants
            for stage in variant.stages()
            for encoding in sources.encodings(stage)
        }
        counts: dict[str, tuple[int, int]] = {}
        for encoding in encodings.values():
            label = encoder_label(encoding.encoder.name, encoding.encoder.precision)
            done, total = self._texts(encoding, sources.dataset.manifest.n_documents)
            before = counts.get(label, (0, 0))
            counts[label] = before[0] + done, before[1] + total
        return tuple(EncoderProgress(label, done, total) for label, (done, total) in counts.items())

    def _searches(
        self, row: ExperimentRow, variants: tuple[VariantProgress, ...]
    ) -> tuple[SearchProgress, ...]:
        """The progress of searches that variants wait for; a variant with a recorded query waits no more."""
        waiting = {variant.variant for variant in variants if not variant.recorded and not variant.error}
        candidates = Candidates(row.id, self._workspace.store)
        return tuple(
            SearchProgress(
                search.name,
                len(search.variants),
                sum(len(candidates.rows_of(shard, row.n_queries)) for shard in candidates.there(search)),
                row.n_queries,
            )
            for search in row.spec.searches.all
            if waiting & set(search.variants)
        )

    def _texts(self, encoding: Encoding, n_documents: int) -> tuple[int, int]:
        """How many texts are encoded, and how many there are."""
        store, encoder, texts = self._workspace.store, encoding.encoder, encoding.texts
        try:
            size = texts.read_size()
            if store.exists(encoding.artifact):
                return size, size
            # A passage may equal a whole document, which is planned before passages: read again after each plan.
            key = (encoder.fingerprint, texts.role, texts.part, plan_names(encoder, texts.role, store))
            sizes = self._workspace.memory.get(SIZES, key, lambda: shard_sizes(encoder, texts, store))
        except ArtifactMissingError:
            return 0, n_documents
        done = sum(sizes[shard] for shard in encoded_shards(encoder, texts.role, sizes, store))
        return done, sum(sizes.values()) or size

    def _rates(self, experiment: str, done: tuple[int, ...]) -> tuple[float | None, ...]:
        with self._lock:
            now = time.monotonic()
            self._samples.setdefault(experiment, deque()).append((now, done))
            for samples in self._samples.values():
                while samples and now - samples[0][0] > WINDOW:
                    samples.popleft()
            # Samples of experiments that are deleted or no longer watched are dropped.
            self._samples = {of: samples for of, samples in self._samples.items() if samples}
            then, before = self._samples[experiment][0]
        elapsed = now - then
        if elapsed <= 0:
            return (None,) * len(done)
        return tuple(
            max(count - earlier, 0) / elapsed or None for count, earlier in zip(done, before, strict=True)
        )


def progress_reader(workspace: Workspace) -> ProgressReader:
    """The workspace's only reader, shared by pages and routes so that all see the same rates."""
    return workspace.memory.get(READER, None, lambda: ProgressReader(workspace))


def _reads_candidates(spec: ExperimentSpec) -> bool:
    """Whether a model reads every candidate; then evaluation takes longer than all earlier stages."""
    stages = (stage for variant in spec.variants for stage in variant.stages())
    return any(isinstance(stage, CrossEncoder | LanguageModel) for stage in stages)


def _seconds_left(
    left: tuple[int, ...], rates: tuple[float | None, ...], *, reads_candidates: bool
) -> float | None:
    """Estimated seconds left; None before the running stage has a rate, or before the longest stage begins."""
    if not any(left):
        return 0.0
    estimates = [count / rate for count, rate in zip(left, rates, strict=True) if count > 0 and rate]
    running = next(rate for count, rate in zip(left, rates, strict=True) if count > 0)
    to_come = reads_candidates and left[-1] > 0 and not rates[-1]
    return None if running is None or to_come else sum(estimates)
