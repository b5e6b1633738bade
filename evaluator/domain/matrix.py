"""Models x strategies: one line that stands for many variants."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from evaluator.domain.variant import BM25, Chunk, Dense, Fuse, Name, Precision, Rerank, Retrieve, Run, Variant

Strategy = Literal["bm25", "dense", "hybrid"]
NONE: Literal["none"] = "none"

MAX_VARIANTS = 500
"""Variants of one matrix: a product grows faster than one thinks."""


@dataclass(frozen=True)
class Matrix:
    """Every encoder with every strategy, and with every choice of what is listed besides; `none` leaves a choice out.

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


def expand(matrix: Matrix) -> tuple[Variant, ...]:
    """The variants that a matrix stands for, each once, named by what differs among them."""
    variants: dict[str, Variant] = {}
    for variant in _product(matrix):
        variants.setdefault(variant.fingerprint, variant)
    return distinctly_named(variants.values())


def distinctly_named(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """The same variants; a name that several have is numbered from the second on: `e5`, `e5 2`."""
    seen: Counter[str] = Counter()
    named = []
    for variant in variants:
        seen[variant.name] += 1
        number = seen[variant.name]
        name = variant.name if number == 1 else f"{variant.name[:75].rstrip()} {number}"
        named.append(dataclasses.replace(variant, name=name))
    return tuple(named)


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
        return Variant(" ".join(parts)[:80].rstrip(), retrieve)
    parts.append(f"+ {rerank_label(rerank)}")
    return Variant(" ".join(parts)[:80].rstrip(), retrieve, (rerank,))


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
