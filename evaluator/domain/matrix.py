"""Models x strategies: one line that stands for many variants."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from evaluator.domain.names import numbered
from evaluator.domain.variant import (
    BM25,
    MAX_NAME,
    Chunk,
    Dense,
    Fuse,
    Name,
    Precision,
    Rerank,
    Retrieve,
    Run,
    Variant,
)

Strategy = Literal["bm25", "dense", "hybrid"]
NONE: Literal["none"] = "none"

MAX_VARIANTS = 500
"""Variants of one matrix, at most: a product grows fast."""

SHOWN_DIGITS = 8
"""Of a pipeline's fingerprint, in a name that had to be cut."""


@dataclass(frozen=True)
class Matrix:
    """Every encoder with every strategy and every choice of the other lists; `none` leaves a choice out.

    Attributes:
        encoders: models by name, or endpoints.
        retrieve: `bm25` alone, the vectors alone (`dense`), or both fused by reciprocal rank (`hybrid`).
        precisions, dimensions, quantize: of the vectors.
        chunks: how documents are cut.
        rerank: rerankers, each on its own.
    """

    encoders: Annotated[tuple[Name, ...], Len(1, 100)]
    retrieve: Annotated[tuple[Strategy, ...], Len(1)] = ("dense",)
    precisions: Annotated[tuple[Precision, ...], Len(1)] = ("float32",)
    dimensions: Annotated[tuple[Annotated[int, Ge(1), Le(65_536)] | Literal["none"], ...], Len(1)] = (NONE,)
    quantize: Annotated[tuple[Literal["none", "int8", "binary"], ...], Len(1)] = (NONE,)
    chunks: Annotated[tuple[Chunk | Literal["none"], ...], Len(1)] = (NONE,)
    rerank: Annotated[tuple[Rerank | Literal["none"], ...], Len(1)] = (NONE,)

    def __post_init__(self) -> None:
        size = 1
        for field in dataclasses.fields(self):
            size *= len(getattr(self, field.name))
        if size > MAX_VARIANTS:
            raise ValueError(
                f"the matrix stands for {size} variants, more than {MAX_VARIANTS}; list fewer choices"
            )


def expand(matrix: Matrix, taken: Collection[str] = ()) -> tuple[Variant, ...]:
    """The variants that a matrix stands for, each once, named by what differs among them.

    Args:
        taken: names that other variants of the experiment have.
    """
    return distinctly_named(product(matrix), taken)


def product(matrix: Matrix) -> tuple[Variant, ...]:
    """The variants that a matrix stands for, each once. No two share a name; a name may be too long for a variant."""
    variants: dict[str, Variant] = {}
    for variant in _product(matrix):
        variants.setdefault(variant.fingerprint, variant)
    return _numbered(tuple(variants.values()))


def distinctly_named(variants: Iterable[Variant], taken: Collection[str] = ()) -> tuple[Variant, ...]:
    """The same variants under names that are unique and short enough.

    A name that several have is numbered from the second on: `e5`, `e5 2`. One that is too long is cut, and ends in a
    part of its pipeline's fingerprint, because what was cut off may be all that told it apart.
    """
    whole = _numbered(tuple(variants), taken)
    used = {*taken, *(variant.name for variant in whole if len(variant.name) <= MAX_NAME)}
    named = []
    for variant in whole:
        if len(variant.name) > MAX_NAME:
            name = next(name for name in _cut(variant) if name not in used)
            used.add(name)
            variant = dataclasses.replace(variant, name=name)
        named.append(variant)
    return tuple(named)


def _numbered(variants: tuple[Variant, ...], taken: Collection[str] = ()) -> tuple[Variant, ...]:
    names = numbered([variant.name for variant in variants], taken)
    return tuple(
        dataclasses.replace(variant, name=name) for variant, name in zip(variants, names, strict=True)
    )


def _cut(variant: Variant) -> Iterator[str]:
    """Short names for a long one; the first will do, unless another happens to be called that."""
    for number in itertools.count(1):
        ending = f" {variant.fingerprint[:SHOWN_DIGITS]}" + (f" {number}" if number > 1 else "")
        yield variant.name[: MAX_NAME - len(ending)].rstrip() + ending


def _product(matrix: Matrix) -> Iterator[Variant]:
    for strategy, chunk, rerank in itertools.product(matrix.retrieve, matrix.chunks, matrix.rerank):
        cut = None if chunk == NONE else chunk
        lexical = Retrieve(bm25=BM25(chunk=cut))
        if strategy == "bm25":
            yield _variant(matrix, "bm25", lexical, chunk, rerank)
            continue
        for encoder, precision, dimensions, quantize in itertools.product(
            matrix.encoders, matrix.precisions, matrix.dimensions, matrix.quantize
        ):
            dense = Dense(
                encoder,
                precision,
                dimensions=None if dimensions == NONE else dimensions,
                quantize=None if quantize == NONE else quantize,
                chunk=cut,
            )
            vectors = Retrieve(dense=dense)
            both = Retrieve(fuse=Fuse(of=(lexical, vectors)))
            name = " ".join([label(encoder), *_differences(dense)])
            name = name if strategy == "dense" else f"{name} + bm25"
            yield _variant(matrix, name, vectors if strategy == "dense" else both, chunk, rerank)


def _differences(dense: Dense) -> Iterator[str]:
    if dense.precision != "float32":
        yield {"float16": "fp16", "bfloat16": "bf16"}[dense.precision]
    if dense.dimensions is not None:
        yield f"{dense.dimensions}d"
    if dense.quantize is not None:
        yield dense.quantize


def _variant(
    matrix: Matrix,
    name: str,
    retrieve: Retrieve,
    chunk: Chunk | Literal["none"],
    rerank: Rerank | Literal["none"],
) -> Variant:
    parts = [name]
    if chunk != NONE:
        parts.append(chunk_label(chunk))
    if rerank == NONE:
        return Variant(" ".join(parts), retrieve)
    parts.append(f"+ {rerank_label(rerank)}")
    return Variant(" ".join(parts), retrieve, (rerank,))


def pipeline_label(variant: Variant) -> str:
    """A variant's pipeline, such as `bm25 + e5, first 50 reranked by ms-marco-MiniLM-L6-v2`."""
    parts = [retriever_label(variant.retrieve)]
    parts += [f"first {rerank.depth} reranked by {rerank_label(rerank)}" for rerank in variant.rerank or ()]
    return ", ".join(parts)


def retriever_label(retrieve: Retrieve) -> str:
    """Such as `bm25`, `e5 int8 tokens-256` or `bm25 + e5`."""
    stage = retrieve.stage
    match stage:
        case Fuse():
            parts = (part if isinstance(part, str) else retriever_label(part) for part in stage.of)
            return " + ".join(parts)
        case Run():
            return stage.name
        case BM25():
            usual = BM25()
            given = {
                name: getattr(stage, name)
                for name in ("k1", "b")
                if getattr(stage, name) != getattr(usual, name)
            }
            names = ["bm25", *(f"{name}={value:g}" for name, value in given.items())]
        case Dense():
            names = [label(stage.encoder), *_differences(stage)]
        case _:
            names = [label(stage.encoder)]
    return " ".join([*names, *([chunk_label(stage.chunk)] if stage.chunk else [])])


def label(model: str) -> str:
    """A model's name as a variant's name can hold it: `org/e5@main` becomes `e5-main`."""
    prefix = "distilled-" if model.startswith("distilled:") else ""
    last = prefix + model.rstrip("/").rsplit("/", 1)[-1].removeprefix("distilled:")
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", last).strip("-.") or "model"


def chunk_label(chunk: Chunk) -> str:
    """Such as `tokens-256-32`."""
    size = f"{chunk.by}-{chunk.size}" + (f"-{chunk.overlap}" if chunk.overlap else "")
    return size if chunk.score == "max" else f"{size}-{chunk.score}{chunk.top}"


def rerank_label(rerank: Rerank) -> str:
    """Such as `ms-marco-MiniLM-L6-v2` or `mmr-0.5`."""
    if rerank.cross_encoder is not None:
        return label(rerank.cross_encoder.model)
    if rerank.llm is not None:
        return label(rerank.llm.endpoint)
    if rerank.mmr is not None:
        return f"mmr-{rerank.mmr.relevance:g}"
    return f"rerank-{label(rerank.dense.encoder)}" if rerank.dense is not None else "rerank"
