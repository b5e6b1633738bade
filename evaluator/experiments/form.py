"""Editing an experiment in a form: variants are added as a product of choices, removed, renamed, and changed.

The experiment's description is the only state. Each function takes an experiment with resolved names and returns the
edited one; everything else stays unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.matrix import NONE, Matrix, Strategy, distinctly_named, product
from evaluator.domain.pipelines.resolving import map_leaves
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    Fuse,
    LanguageModel,
    Late,
    Leaf,
    Precision,
    Rerank,
    Retrieve,
    Run,
    Sparse,
    Variant,
)
from evaluator.retrieval.encoders.resolve import BUNDLED_NAMES, DISTILLED_PREFIX

BUNDLED = BUNDLED_NAMES[0]
DISTILLED = DISTILLED_PREFIX + BUNDLED
CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L6-v2"
SPARSE_MODEL = "naver/splade-cocondenser-ensembledistil"
LATE_MODEL = "colbert-ir/colbertv2.0"

Setting = Literal["k1", "b", "tokenizer", "stemmer", "stop_words", "metric", "rescore", "depth"]
"""A field of a stage that the form can change in existing variants."""
SETTINGS: Mapping[Setting, type[BM25 | Dense | Rerank]] = {
    "k1": BM25, "b": BM25, "tokenizer": BM25, "stemmer": BM25, "stop_words": BM25, "metric": Dense, "rescore": Dense,
    "depth": Rerank,
}  # fmt: skip
"""The kind of stage that has a setting."""
UNSEEN: Mapping[type, tuple[str, ...]] = {
    Dense: ("max_length", "query_prompt", "document_prompt"),
    Sparse: ("precision", "max_length"),
    Late: ("precision", "max_length"),
    Chunk: ("top",),
    CrossEncoder: ("precision", "max_length"),
    MMR: ("precision",),
    LanguageModel: ("prompt", "window", "step", "characters"),
}
"""Fields that the form does not show, by the kind of stage."""

S = TypeVar("S", Leaf, Rerank)

SettingValue = str | int | float | None


@dataclass(frozen=True)
class Addition:
    """Variants to add: every strategy combined with every model it needs, every passage rule, and every reranker.

    Attributes:
        strategies: BM25, vectors, or both.
        models: models that compute vectors on the workers.
        endpoints: endpoints that compute vectors.
        sparse, late: models of learned sparse retrieval and of late interaction.
        precisions: precisions of the models; endpoints have their own.
        rerank: rerankers; each variant is also added without reranking.
        chats: endpoints of chat models that rerank.
    """

    strategies: tuple[Strategy, ...] = ()
    models: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    sparse: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    precisions: tuple[Precision, ...] = ("float32",)
    dimensions: tuple[int | Literal["none"], ...] = (NONE,)
    quantize: tuple[Literal["none", "int8", "binary"], ...] = (NONE,)
    chunks: tuple[Chunk | Literal["none"], ...] = (NONE,)
    rerank: tuple[Rerank, ...] = ()
    chats: tuple[Endpoint, ...] = ()

    @property
    def needs_model(self) -> bool:
        """Whether a strategy compares vectors."""
        return not {"dense", "hybrid"}.isdisjoint(self.strategies)


def added(experiment: Experiment, addition: Addition) -> Experiment:
    """The experiment with more variants under unused names; pipelines that it has already are not added.

    Raises:
        ValueError: the addition has too many variants.
    """
    variants = new_variants(addition, experiment.variants)
    return dataclasses.replace(
        experiment,
        variants=(*experiment.variants, *variants),
        endpoints=_with_endpoints(experiment.endpoints, addition),
    )


def described(name: str, dataset: str, addition: Addition) -> Experiment:
    """An experiment that consists of an addition.

    Raises:
        ValueError: there is no variant, or there are too many.
    """
    return Experiment(name, dataset, new_variants(addition, ()), endpoints=_with_endpoints((), addition))


def new_variants(addition: Addition, present: Collection[Variant]) -> tuple[Variant, ...]:
    """The variants of an addition, without pipelines that are already present.

    Raises:
        ValueError: there are too many.
    """
    fingerprints = {variant.fingerprint for variant in present}
    variants: dict[str, Variant] = {}
    for variant in _variants(addition):
        if variant.fingerprint not in fingerprints:
            variants.setdefault(variant.fingerprint, variant)
    return distinctly_named(variants.values(), {variant.name for variant in present})


def removed(experiment: Experiment, name: str) -> Experiment:
    """The experiment without a variant.

    Raises:
        ValueError: it is the last one.
    """
    variants = tuple(variant for variant in experiment.variants if variant.name != name)
    return dataclasses.replace(experiment, variants=variants)


def renamed(experiment: Experiment, name: str, new: str) -> Experiment:
    """The experiment with another name for a variant.

    Raises:
        ValueError: the name is not valid, or another variant has it.
    """
    if new != name and any(variant.name == new for variant in experiment.variants):
        raise ValueError(f"another variant is called {new!r}")
    return _each(experiment, name, lambda variant: dataclasses.replace(variant, name=new))


def values_of(experiment: Experiment, setting: Setting, name: str | None) -> tuple[SettingValue, ...]:
    """The distinct values of a setting; empty if no variant has it.

    Args:
        name: a variant's name; None for all variants that the form can show.
    """
    values = (
        getattr(stage, setting)
        for variant in _settable(experiment, name)
        for stage in (*variant.retrieve.leaves(), *(variant.rerank or ()))
        if _has(stage, setting)
    )
    return tuple(dict.fromkeys(values))


def with_setting(
    experiment: Experiment, setting: Setting, value: SettingValue, name: str | None
) -> Experiment:
    """The experiment with another value of a setting in one variant or in all of them; see `values_of`."""
    names = {variant.name for variant in _settable(experiment, name)}

    def change(variant: Variant) -> Variant:
        if variant.name not in names:
            return variant
        rerank = variant.rerank and tuple(_with(stage, setting, value) for stage in variant.rerank)
        return dataclasses.replace(
            variant,
            retrieve=map_leaves(variant.retrieve, lambda leaf: _with(leaf, setting, value)),
            rerank=rerank,
        )

    return _each(experiment, None, change)


def by_hand(variant: Variant) -> bool:
    """Whether a variant was written by hand and has settings that the form cannot show; the form never changes it."""
    retrieve, rerank = variant.retrieve, variant.rerank or ()
    if len(rerank) > 1 or any(_unseen(stage.stage) for stage in rerank):
        return True
    leaves = tuple(retrieve.leaves())
    fuse = retrieve.fuse
    if fuse is not None and (
        fuse != Fuse(fuse.of) or sorted(type(leaf).__name__ for leaf in leaves) != ["BM25", "Dense"]
    ):
        return True
    return any(isinstance(leaf, Run) or _unseen(leaf) for leaf in leaves)


def _unseen(stage: object) -> bool:
    """Whether a field that the form does not show has a value other than its default."""
    defaults = {field.name: field.default for field in dataclasses.fields(stage)}  # type: ignore[arg-type]
    if any(getattr(stage, name) != defaults[name] for name in UNSEEN.get(type(stage), ())):
        return True
    chunk = getattr(stage, "chunk", None)
    return chunk is not None and _unseen(chunk)


def _settable(experiment: Experiment, name: str | None) -> Iterator[Variant]:
    for variant in experiment.variants:
        if name in (None, variant.name) and not by_hand(variant):
            yield variant


def _has(stage: Leaf | Rerank, setting: Setting) -> bool:
    quantized = setting != "rescore" or getattr(stage, "quantize", None) is not None
    return isinstance(stage, SETTINGS[setting]) and quantized


def _with(stage: S, setting: Setting, value: SettingValue) -> S:
    values: dict[str, Any] = {setting: value}
    return dataclasses.replace(stage, **values) if _has(stage, setting) else stage


def _each(experiment: Experiment, name: str | None, change: Callable[[Variant], Variant]) -> Experiment:
    variants = (change(v) if name in (None, v.name) else v for v in experiment.variants)
    return dataclasses.replace(experiment, variants=tuple(variants))


def _with_endpoints(present: tuple[Endpoint, ...], addition: Addition) -> tuple[Endpoint, ...]:
    """The endpoints and those of an addition; endpoints that are already present stay unchanged."""
    endpoints = (*(addition.endpoints if addition.needs_model else ()), *addition.chats)
    by_name = {endpoint.name: endpoint for endpoint in (*endpoints, *present)}
    order = dict.fromkeys(endpoint.name for endpoint in (*present, *endpoints))
    return tuple(by_name[name] for name in order)


def _variants(addition: Addition) -> Iterator[Variant]:
    """All variants of an addition; some may occur twice."""
    if addition.strategies:
        yield from _product(addition, addition.models, addition.precisions)
        endpoints = tuple(endpoint.name for endpoint in addition.endpoints)
        yield from _product(addition, endpoints, ("float32",))
    for models, kind in ((addition.sparse, "sparse"), (addition.late, "late")):
        if models:
            matrix = Matrix(models, ("dense",), chunks=addition.chunks, rerank=_rerank(addition))
            for variant in product(matrix):
                yield dataclasses.replace(variant, retrieve=_learned(kind, variant.retrieve))


def _product(
    addition: Addition, models: tuple[str, ...], precisions: tuple[Precision, ...]
) -> Iterator[Variant]:
    matrix = Matrix(
        models,
        addition.strategies,
        precisions,
        addition.dimensions,
        addition.quantize,
        addition.chunks,
        _rerank(addition),
    )
    return (variant for variant in product(matrix) if not _pointless(variant))


def _pointless(variant: Variant) -> bool:
    """Whether a reranker scores whole documents by the same vectors that retrieved them."""
    search, reranker = variant.retrieve.dense, variant.rerank and variant.rerank[0].dense
    return bool(search and reranker and search.chunk is None and search.encoder == reranker.encoder)


def _rerank(addition: Addition) -> tuple[Rerank | Literal["none"], ...]:
    return (NONE, *addition.rerank)


def _learned(kind: str, retrieve: Retrieve) -> Retrieve:
    """A dense pipeline whose model is replaced by one of another kind."""
    dense = retrieve.dense
    if dense is None:
        raise ValueError("only a dense pipeline has a model to replace")
    if kind == "sparse":
        return Retrieve(sparse=Sparse(dense.encoder, chunk=dense.chunk))
    return Retrieve(late=Late(dense.encoder, chunk=dense.chunk))
