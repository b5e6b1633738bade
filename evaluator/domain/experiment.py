"""Experiments: one dataset, several variants, some measures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from evaluator.domain.access import MAIN
from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.json_record import JsonRecord
from evaluator.domain.matrix import Matrix, expand
from evaluator.domain.measures.scoring import DEFAULT_MEASURES, POLICY_VERSION
from evaluator.domain.pipelines.shared_searches import SharedSearches, shared_searches
from evaluator.domain.variant import MMR, PRINTABLE, CrossEncoder, Dense, Late, Sparse, Variant

ModelStage = Dense | Sparse | Late | CrossEncoder
"""A pipeline stage that needs a model."""

QueriesPerJob = Literal["auto"] | Annotated[int, Ge(1), Le(1_000_000)]

EncoderKind = Literal["transformer", "static", "endpoint", "sparse", "late", "cross"]

MAX_AUTO_BATCH = 64
JOBS_PER_WORKER = 4
"""Target number of jobs per worker and variant for `auto`: enough to distribute the work evenly."""


@dataclass(frozen=True)
class Experiment:
    """An experiment as a person writes it, with the structure of the experiment file.

    Attributes:
        matrix: stands for further variants besides `variants`; see `all_variants`.
    """

    name: Annotated[str, Len(1, 120), PRINTABLE]
    dataset: Annotated[str, Len(1)]
    variants: Annotated[tuple[Variant, ...], Len(1)] = ()
    matrix: Matrix | None = None
    measures: Annotated[tuple[str, ...], Len(1, 100)] = DEFAULT_MEASURES
    queries_per_job: QueriesPerJob = "auto"
    endpoints: tuple[Endpoint, ...] = ()
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if not self.variants and self.matrix is None:
            raise ValueError("there is nothing to compare: write variants, or a matrix that stands for some")

    @property
    def all_variants(self) -> tuple[Variant, ...]:
        """The listed variants, then those of the matrix, whose names differ from all names of listed variants.

        Names in fusions may still be unresolved, and two listed variants may have the same name.
        """
        names = {variant.name for variant in self.variants}
        return (*self.variants, *(expand(self.matrix, names) if self.matrix else ()))


@dataclass(frozen=True)
class EncoderSpec:
    """A resolved encoder, with everything that can change a vector; its fingerprint is computed from these fields.

    Attributes:
        name: the name in the experiment.
        kind: how texts become vectors, or pairs of texts become scores (`cross`); determines how many texts a job has.
        source: where the model is: `bundled`, in a `folder`, on the `hub`, `distilled`, or behind an `endpoint`.
        weights: hash of the files, a hub revision, or the recipe of a distillation.
        location: folder, hub id, or the source model's name.
        query_prompt, document_prompt: the model's own prompts.
        unused_prompts: names of the model's prompts, if it has some and none of them is for queries or documents, and
            the stage says none either.
        max_length: tokens; longer texts are truncated. None: the model's own limit.
        dimensions: dimensions of a vector, if known before the model is loaded.
        tokenizer: hash of the tokenizer's file; passages are measured in its tokens. None: in words.
        endpoint: the endpoint that encodes, if any.
    """

    name: str
    kind: EncoderKind
    source: Literal["bundled", "folder", "hub", "distilled", "endpoint"]
    weights: str
    location: str
    precision: str = "float32"
    query_prompt: str = ""
    document_prompt: str = ""
    max_length: int | None = None
    dimensions: int | None = None
    tokenizer: str | None = None
    endpoint: Endpoint | None = None
    unused_prompts: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that can change a vector; the model's location cannot."""
        values = dataclasses.asdict(self)
        for irrelevant in ("name", "location", "source", "tokenizer", "endpoint", "unused_prompts"):
            del values[irrelevant]
        return fingerprint(values)


@dataclass(frozen=True)
class ExperimentSpec(JsonRecord):
    """An experiment ready to run: dataset fingerprints, resolved variants and encoders, measures and depth.

    Workers read the spec. Its fingerprint is the experiment's id, so that running the same file again continues where
    the last run stopped.
    """

    name: str
    dataset: str
    corpus: str
    queries: str
    qrels: str
    exclude_self: bool
    variants: tuple[Variant, ...]
    encoders: Mapping[str, EncoderSpec]
    """Encoders by `encoder_key`."""
    measures: tuple[str, ...]
    depth: int
    queries_per_job: QueriesPerJob = "auto"
    policy: int = POLICY_VERSION
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    """Endpoints of chat models, by name; the endpoints of encoders are in their `EncoderSpec`."""
    budget: Budget | None = None
    project: str = MAIN
    """That of its dataset: the same work in two projects is two experiments."""

    @cached_property
    def id(self) -> str:
        """The experiment's id: the same work in a project has the same id, however it is divided into jobs."""
        identity = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("queries_per_job", "endpoints", "budget", "project")
        }
        if self.project != MAIN:  # ids of the main project are those of instances that had no others
            identity["project"] = self.project
        if self.endpoints:
            identity["endpoints"] = {
                name: [endpoint.server, endpoint.model] for name, endpoint in self.endpoints.items()
            }
        identity["encoders"] = {key: spec.fingerprint for key, spec in self.encoders.items()}
        return fingerprint(identity)

    def variant(self, name: str) -> Variant:
        """The variant with that name."""
        return self.variants[self._positions[name]]

    def position(self, name: str) -> int:
        """The variant's place in the experiment, from 0."""
        return self._positions[name]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {variant.name: place for place, variant in enumerate(self.variants)}

    @cached_property
    def searches(self) -> SharedSearches:
        """The searches that several variants share."""
        return shared_searches(self.variants, self.depth)

    def encoder(self, stage: ModelStage) -> EncoderSpec:
        """The resolved model of a stage."""
        return self.encoders[encoder_key(stage)]

    def batch_size(self, n_queries: int, workers: int) -> int:
        """Number of queries in one evaluation job."""
        if self.queries_per_job != "auto":
            return self.queries_per_job
        return max(1, min(MAX_AUTO_BATCH, -(-n_queries // (JOBS_PER_WORKER * max(workers, 1)))))


def models_of(variant: Variant) -> Iterator[ModelStage]:
    """The stages of a variant that need a model, each as the stage that names the model."""
    for stage in variant.stages():
        if isinstance(stage, MMR):
            yield stage.dense
        elif isinstance(stage, Dense | Sparse | Late | CrossEncoder):
            yield stage


def encoder_key(stage: ModelStage) -> str:
    """The key of a stage's model in a spec: stages with the same key share the model's vectors."""
    if isinstance(stage, CrossEncoder):
        parts: dict[str, object] = {"kind": "cross", "max_length": stage.max_length}
        return _key(stage.model, stage.precision, parts)
    kind = {Sparse: "sparse", Late: "late"}.get(type(stage))
    parts = {"kind": kind, "max_length": stage.max_length}
    if isinstance(stage, Dense):
        parts |= {"query_prompt": stage.query_prompt, "document_prompt": stage.document_prompt}
    return _key(stage.encoder, stage.precision, parts)


def _key(name: str, precision: str, parts: Mapping[str, object]) -> str:
    options = {part: value for part, value in parts.items() if value is not None}
    return f"{name}|{precision}" + (f"|{fingerprint(options)}" if options else "")


def encoder_label(name: str, precision: str) -> str:
    """The name of an encoder for people: it includes the precision unless that is float32."""
    return name if precision == "float32" else f"{name} in {precision}"
