"""Models x strategies: a short notation for many variants."""

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
"""Maximum variants of one matrix: a product grows fast."""

SHOWN_DIGITS = 8
"""Digits of a pipeline's fingerprint in a shortened name."""


@dataclass(frozen=True)
class Matrix:
    """Every combination of encoder, strategy and the other choices; `none` stands for no such stage or option.

    Attributes:
        encoders: names of models or endpoints.
        retrieve: `bm25` alone, the vectors alone (`dense`), or both fused by reciprocal rank (`hybrid`).
        precisions, dimensions, quantize: options of the vectors.
        chunks: how documents are divided into passages.
        rerank: rerankers; each variant has one of them.
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
    """The distinct variants of a matrix, with unique names that are short enough.

    Args:
        matrix: the matrix.
        taken: names of other variants of the experiment.
    """
    return distinctly_named(product(matrix), taken)


def product(matrix: Matrix) -> tuple[Variant, ...]:
    """The distinct variants of a matrix, with unique names; a name may be longer than `MAX_NAME`."""
    variants: dict[str, Variant] = {}
    for variant in _product(matrix):
        variants.setdefault(variant.fingerprint, variant)
    return _numbered(tuple(variants.values()))


def distinctly_named(variants: Iterable[Variant], taken: Collection[str] = ()) -> tuple[Variant, ...]:
    """The same variants with names that are unique and short enough.

    A repeated name is numbered from the second variant on: `e5`, `e5 2`. A name that is too long is shortened and ends
    in a part of the pipeline's fingerprint, because the names may differ only in the removed part.
    """
    numbered_variants = _numbered(tuple(variants), taken)
    used = {*taken, *(variant.name for variant in numbered_variants if len(variant.name) <= MAX_NAME)}
    named = []
    for variant in numbered_variants:
        if len(variant.name) > MAX_NAME:
            name = next(name for name in _short_names(variant) if name not in used)
            used.add(name)
            variant = dataclasses.replace(variant, name=name)
        named.append(variant)
    return tuple(named)


def _numbered(variants: tuple[Variant, ...], taken: Collection[str] = ()) -> tuple[Variant, ...]:
    names = numbered([variant.name for variant in variants], taken)
    return tuple(
        dataclasses.replace(variant, name=name) for variant, name in zip(variants, names, strict=True)
    )


def _short_names(variant: Variant) -> Iterator[str]:
    """Short names for a variant with a long name; the first that is not used yet is taken."""
    for number in itertools.count(1):
        ending = f" {variant.fingerprint[:SHOWN_DIGITS]}" + (f" {number}" if number > 1 else "")
        yield variant.name[: MAX_NAME - len(ending)].rstrip() + ending


def _product(matrix: Matrix) -> Iterator[Variant]:
    for strategy, chunk, rerank in itertools.product(matrix.retrieve, matrix.chunks, matrix.rerank):
        chunking = None if chunk == NONE else chunk
        lexical = Retrieve(bm25=BM25.written(chunk=chunking))
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
                chunk=chunking,
            )
            vectors = Retrieve(dense=dense)
            both = Retrieve(fuse=Fuse(of=(lexical, vectors)))
            name = " ".join([label(encoder), *_vector_options(dense)])
            name = name if strategy == "dense" else f"{name} + bm25"
            yield _variant(matrix, name, vectors if strategy == "dense" else both, chunk, rerank)


def _vector_options(dense: Dense) -> Iterator[str]:
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
    """A retriever's label, such as `bm25`, `e5 int8 tokens-256` or `bm25 + e5`."""
    stage = retrieve.stage
    match stage:
        case Fuse():
            parts = (part if isinstance(part, str) else retriever_label(part) for part in stage.of)
            return " + ".join(parts)
        case Run():
            return stage.name
        case BM25():
            default = BM25()
            options = {
                name: getattr(stage, name)
                for name in ("k1", "b")
                if getattr(stage, name) != getattr(default, name)
            }
            names = ["bm25", *(f"{name}={value:g}" for name, value in options.items())]
        case Dense():
            names = [label(stage.encoder), *_vector_options(stage)]
        case _:
            names = [label(stage.encoder)]
    return " ".join([*names, *([chunk_label(stage.chunk)] if stage.chunk else [])])


def label(model: str) -> str:
    """A model's name in the characters allowed in a variant's name: `org/e5@main` becomes `e5-main`."""
    prefix = "distilled-" if model.startswith("distilled:") else ""
    last = prefix + model.rstrip("/").rsplit("/", 1)[-1].removeprefix("distilled:")
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", last).strip("-.") or "model"


def chunk_label(chunk: Chunk) -> str:
    """A chunking's label, such as `tokens-256-32`."""
    size = f"{chunk.by}-{chunk.size}" + (f"-{chunk.overlap}" if chunk.overlap else "")
    return size if chunk.score == "max" else f"{size}-{chunk.score}{chunk.top}"


def rerank_label(rerank: Rerank) -> str:
    """A reranker's label, such as `ms-marco-MiniLM-L6-v2` or `mmr-0.5`."""
    if rerank.cross_encoder is not None:
        return label(rerank.cross_encoder.model)
    if rerank.llm is not None:
        return label(rerank.llm.endpoint)
    if rerank.mmr is not None:
        return f"mmr-{rerank.mmr.relevance:g}"
    return f"rerank-{label(rerank.dense.encoder)}" if rerank.dense is not None else "rerank"
