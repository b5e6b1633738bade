"""Variants: declarative retrieval pipelines.

The dataclasses have the shape of the experiment file. Optional fields that are None leave no trace in a
fingerprint, so later stages (chunking, reranking, more retrievers) can be added without changing old ones.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len

from evaluator.domain.fingerprint import canonical_json, fingerprint

Precision = Literal["float32", "float16", "bfloat16"]
Stemmer = Literal[
    "none", "arabic", "danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian",
    "norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "turkish",
]  # fmt: skip
StopWords = Literal["none", "english"]

Name = Annotated[str, Len(1, 200)]

SAFE_NAME = re.compile(r"(?![. ])[A-Za-z0-9._+ -]*(?<! )")
"""What a variant may be called: its name is also a file's (`<variant>.run`)."""

MAX_STAGES = 100
"""Retrievers and fusions of one pipeline: fusions of fusions could double without end."""


@dataclass(frozen=True)
class BM25:
    """Okapi BM25 over stemmed words (Robertson and Zaragoza, 2009); k1 and b as in Lucene's formula."""

    k1: Annotated[float, Ge(0)] = 0.9
    b: Annotated[float, Ge(0), Le(1)] = 0.4
    stemmer: Stemmer = "english"
    stop_words: StopWords = "english"


@dataclass(frozen=True)
class Dense:
    """Exact search for the documents whose vectors are nearest to the query's, by cosine."""

    encoder: Name
    precision: Precision = "float32"


@dataclass(frozen=True)
class Fuse:
    """One list from several: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

    of: Annotated[tuple[str | Retrieve, ...], Len(2)]
    method: Literal["rrf"] = "rrf"
    k: Annotated[float, Gt(0)] = 60.0
    depth: Annotated[int, Ge(1), Le(10_000)] = 100


@dataclass(frozen=True)
class Retrieve:
    """How documents are found: exactly one of the fields is set."""

    bm25: BM25 | None = None
    dense: Dense | None = None
    fuse: Fuse | None = None

    def __post_init__(self) -> None:
        names = [field.name for field in dataclasses.fields(self)]
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or f"none ({names[0]} with its defaults is written {names[0]}: {{}})"
            raise ValueError(f"exactly one of {', '.join(names)} is needed, and here is {found}")

    @property
    def stage(self) -> BM25 | Dense | Fuse:
        """The one field that is set."""
        stages = (self.bm25, self.dense, self.fuse)
        return next(stage for stage in stages if stage is not None)

    def leaves(self) -> Iterator[BM25 | Dense]:
        """The retrievers at the ends of the pipeline, left to right. Names must be resolved."""
        stage = self.stage
        if isinstance(stage, Fuse):
            for part in stage.of:
                if isinstance(part, str):
                    raise ValueError(f"the name {part!r} is not resolved")
                yield from part.leaves()
        else:
            yield stage


@dataclass(frozen=True)
class Variant:
    """A named retrieval pipeline."""

    name: Annotated[str, Len(1, 80)]
    retrieve: Retrieve

    def __post_init__(self) -> None:
        if not SAFE_NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} cannot name a variant, because it also names a file: only letters, digits, "
                "spaces and . _ + -, no dot at the start, no space at either end"
            )

    @property
    def fingerprint(self) -> str:
        """Hash of the pipeline; the name is no part of it."""
        return fingerprint({"retrieve": self.retrieve})

    @property
    def pipeline_json(self) -> str:
        """The pipeline as canonical JSON."""
        return canonical_json({"retrieve": self.retrieve})


def resolve_names(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Replace each name in a fusion by the pipeline of the variant so called.

    Raises:
        ValueError: a name is unknown, used twice, or refers to itself, or a pipeline becomes too large.
    """
    by_name = {variant.name: variant for variant in variants}
    if len(by_name) != len(variants):
        names = [variant.name for variant in variants]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"variant names must be unique; used more than once: {', '.join(twice)}")
    return tuple(resolve_variant(variant, by_name) for variant in variants)


def resolve_variant(variant: Variant, by_name: Mapping[str, Variant]) -> Variant:
    """Replace each name in a variant's fusions by the pipeline of the variant so called.

    Raises:
        ValueError: a name is unknown or refers to itself, or the pipeline becomes too large.
    """
    stages = itertools.count(1)

    def resolve(retrieve: Retrieve, path: tuple[str, ...]) -> Retrieve:
        if next(stages) > MAX_STAGES:
            raise ValueError(f"{variant.name!r} has more than {MAX_STAGES} retrievers and fusions")
        stage = retrieve.stage
        if not isinstance(stage, Fuse):
            return retrieve
        parts = []
        for part in stage.of:
            if isinstance(part, Retrieve):
                parts.append(resolve(part, path))
                continue
            if part not in by_name:
                known = ", ".join(by_name)
                raise ValueError(
                    f"{path[-1]!r} fuses {part!r}, but no variant has that name; there are: {known}"
                )
            if part in path:
                circle = " > ".join((*path, part))
                raise ValueError(f"{path[-1]!r} fuses {part!r}, which leads back to itself: {circle}")
            parts.append(resolve(by_name[part].retrieve, (*path, part)))
        return Retrieve(fuse=dataclasses.replace(stage, of=tuple(parts)))

    return dataclasses.replace(variant, retrieve=resolve(variant.retrieve, (variant.name,)))
