"""How far an experiment is: derived from what is stored, so that it cannot disagree with it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.indexes import Encoding, Sources
from evaluator.retrieval.vectors import Shard, encoded_shards, plan_count, shard_sizes
from evaluator.services.workspace import Workspace
from evaluator.store import catalog, results

WINDOW = 30.0
"""Seconds over which rates are taken."""


@dataclass(frozen=True)
class EncoderProgress:
    """Texts of one encoder."""

    encoder: str
    done: int
    total: int


@dataclass(frozen=True)
class VariantProgress:
    """Queries of one variant. `error`: why it cannot work at all."""

    variant: str
    recorded: int
    failed: int
    total: int
    error: str | None


@dataclass(frozen=True)
class ExperimentProgress:
    """A moment of an experiment.

    Attributes:
        status: running, finished or cancelled.
        texts_per_second, queries_per_second: over the last half minute; None while nothing moves.
        seconds_left: None if it cannot be told yet.
        trouble: why results are not being recorded, if so.
        reason: why its workers stopped it, if so.
    """

    id: str
    name: str
    status: str
    encoders: tuple[EncoderProgress, ...]
    variants: tuple[VariantProgress, ...]
    texts_per_second: float | None
    queries_per_second: float | None
    seconds_left: float | None
    trouble: str | None = None
    reason: str | None = None

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
        """Queries recorded, over all variants; all of a variant's that cannot work count as done."""
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
    """Reads progress again and again; remembers a little to tell rates."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._sizes: dict[tuple[str, str, str, int], dict[Shard, int]] = {}
        self._samples: dict[str, deque[tuple[float, int, int]]] = {}
        self._datasets: dict[str, StoredDataset] = {}

    def read(self, experiment: str) -> ExperimentProgress:
        """An experiment's progress now.

        Raises:
            UnknownNameError: there is no such experiment.
        """
        row = catalog.experiment(self._workspace.database, experiment)
        variants = tuple(
            VariantProgress(
                str(r.variant),
                int(r.recorded),
                int(r.failed),
                row.n_queries,
                None if r.error is None else str(r.error),
            )
            for r in results.recorded_counts(self._workspace.database, row.id)
        )
        encoders = self._encoders(row.spec)
        texts, queries = sum(e.done for e in encoders), sum(v.recorded for v in variants)
        texts_rate, queries_rate = self._rates(row.id, texts, queries)
        texts_left = sum(e.total - e.done for e in encoders)
        queries_left = sum(v.total - v.recorded for v in variants if not v.error)
        recorder = self._workspace.recorder
        return ExperimentProgress(
            id=row.id,
            name=row.name,
            status=row.status,
            encoders=encoders,
            variants=variants,
            texts_per_second=texts_rate,
            queries_per_second=queries_rate,
            seconds_left=_seconds_left(texts_left, texts_rate, queries_left, queries_rate),
            trouble=recorder.trouble if recorder is not None else None,
            reason=row.reason,
        )

    def _encoders(self, spec: ExperimentSpec) -> tuple[EncoderProgress, ...]:
        """Texts by encoder; passages that are not cut yet count as their documents."""
        sources = Sources(spec, self._dataset(spec.dataset), self._workspace.store)
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

    def _texts(self, encoding: Encoding, n_documents: int) -> tuple[int, int]:
        """How many texts are encoded, and how many there are."""
        store, encoder, texts = self._workspace.store, encoding.encoder, encoding.texts
        try:
            size = texts.read_size()
            if store.exists(encoding.artifact):
                return size, size
            # A passage may be a whole document, too, which is planned before passages are: look again after each plan.
            key = (encoder.fingerprint, texts.role, texts.part, plan_count(encoder, texts.role, store))
            if key not in self._sizes:
                self._sizes[key] = shard_sizes(encoder, texts, store)
        except ArtifactMissingError:
            return 0, n_documents
        sizes = self._sizes[key]
        done = sum(sizes[shard] for shard in encoded_shards(encoder, texts.role, sizes, store))
        return done, sum(sizes.values()) or size

    def _dataset(self, fingerprint: str) -> StoredDataset:
        if fingerprint not in self._datasets:
            self._datasets[fingerprint] = StoredDataset.open(self._workspace.store, fingerprint)
        return self._datasets[fingerprint]

    def _rates(self, experiment: str, texts: int, queries: int) -> tuple[float | None, float | None]:
        samples = self._samples.setdefault(experiment, deque())
        now = time.monotonic()
        samples.append((now, texts, queries))
        while now - samples[0][0] > WINDOW:
            samples.popleft()
        then, texts_then, queries_then = samples[0]
        elapsed = now - then
        if elapsed <= 0:
            return None, None
        return (texts - texts_then) / elapsed or None, (queries - queries_then) / elapsed or None


def encoder_label(name: str, precision: str) -> str:
    """What an encoder is called where people read: its precision is part of it unless it is the usual one."""
    return name if precision == "float32" else f"{name} in {precision}"


_readers: WeakKeyDictionary[Workspace, ProgressReader] = WeakKeyDictionary()


def progress_reader(workspace: Workspace) -> ProgressReader:
    """The one reader of a workspace, shared by pages and routes, so that rates are known to all."""
    return _readers.setdefault(workspace, ProgressReader(workspace))


def _seconds_left(
    texts: int, texts_rate: float | None, queries: int, queries_rate: float | None
) -> float | None:
    if texts <= 0 and queries <= 0:
        return 0.0
    if texts > 0:
        return texts / texts_rate if texts_rate else None  # encoding dwarfs what follows
    return queries / queries_rate if queries_rate else None
