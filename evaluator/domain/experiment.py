"""Experiments: one dataset, several variants, some measures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len

from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.measures import DEFAULT_MEASURES, POLICY_VERSION
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve, Variant

QueriesPerJob = Literal["auto"] | Annotated[int, Ge(1)]

MAX_AUTO_BATCH = 64
JOBS_PER_WORKER = 4
"""Batches per worker and variant that `auto` aims at: enough to share the work evenly."""


@dataclass(frozen=True)
class Experiment:
    """An experiment as a person writes it (the experiment file's shape)."""

    name: Annotated[str, Len(1, 120)]
    dataset: Annotated[str, Len(1)]
    variants: Annotated[tuple[Variant, ...], Len(1)]
    measures: Annotated[tuple[str, ...], Len(1)] = DEFAULT_MEASURES
    queries_per_job: QueriesPerJob = "auto"


@dataclass(frozen=True)
class EncoderSpec:
    """A resolved encoder: everything that can change a vector is here, and so in its fingerprint.

    Attributes:
        name: what the person wrote.
        kind: `transformer` or `static`; decides how many texts share a job.
        source: where workers load it from: `bundled`, `folder`, `hub` or `distilled`.
        weights: hash of the files, a hub revision, or a distillation's recipe.
        location: folder, hub id, or the source model's name.
        query_prompt, document_prompt: the model's own prompts.
        max_length: tokens; longer texts are truncated. None: the model's own.
        dimensions: of a vector, where it is known before loading.
    """

    name: str
    kind: Literal["transformer", "static"]
    source: Literal["bundled", "folder", "hub", "distilled"]
    weights: str
    location: str
    precision: str = "float32"
    query_prompt: str = ""
    document_prompt: str = ""
    max_length: int | None = None
    dimensions: int | None = None
    normalize: bool = True

    @property
    def fingerprint(self) -> str:
        """Hash of all that can change a vector; where the model lies cannot."""
        values = dataclasses.asdict(self)
        for irrelevant in ("name", "location", "source"):
            del values[irrelevant]
        return fingerprint(values)


@dataclass(frozen=True)
class ExperimentSpec:
    """An experiment ready to run: dataset fingerprints, resolved variants and encoders, measures and depth.

    It is what workers read; its fingerprint is the experiment's id, so that running the same file again
    continues where the last run stopped.
    """

    name: str
    dataset: str
    corpus: str
    queries: str
    qrels: str
    exclude_self: bool
    variants: tuple[Variant, ...]
    encoders: Mapping[str, EncoderSpec]
    """By `encoder_key`."""
    measures: tuple[str, ...]
    depth: int
    queries_per_job: QueriesPerJob = "auto"
    policy: int = POLICY_VERSION

    @property
    def id(self) -> str:
        """The experiment's id: the same work has the same id, however it is cut into jobs."""
        identity = {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "queries_per_job"
        }
        identity["encoders"] = {key: spec.fingerprint for key, spec in self.encoders.items()}
        return fingerprint(identity)

    def variant(self, name: str) -> Variant:
        """The variant of that name."""
        return next(variant for variant in self.variants if variant.name == name)

    def position(self, name: str) -> int:
        """The variant's place in the experiment, from 0."""
        return [variant.name for variant in self.variants].index(name)

    def encoder(self, dense: Dense) -> EncoderSpec:
        """The resolved encoder of a dense retriever."""
        return self.encoders[encoder_key(dense)]

    def batch_size(self, n_queries: int, workers: int) -> int:
        """Queries of one evaluation job."""
        if self.queries_per_job != "auto":
            return self.queries_per_job
        return max(1, min(MAX_AUTO_BATCH, -(-n_queries // (JOBS_PER_WORKER * max(workers, 1)))))

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ExperimentSpec:
        """The spec from what `to_json` gave."""
        values = dict(record)
        values["variants"] = tuple(Variant(v["name"], _retrieve(v["retrieve"])) for v in values["variants"])
        values["encoders"] = {key: EncoderSpec(**spec) for key, spec in values["encoders"].items()}
        values["measures"] = tuple(values["measures"])
        return cls(**values)


def encoder_key(dense: Dense) -> str:
    """What a dense retriever's encoder is called in a spec."""
    return f"{dense.encoder}|{dense.precision}"


def _retrieve(record: Mapping[str, Any]) -> Retrieve:
    bm25, dense, fuse = record.get("bm25"), record.get("dense"), record.get("fuse")
    return Retrieve(
        bm25=None if bm25 is None else BM25(**bm25),
        dense=None if dense is None else Dense(**dense),
        fuse=None if fuse is None else Fuse(**{**fuse, "of": tuple(_retrieve(part) for part in fuse["of"])}),
    )
