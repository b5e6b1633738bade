"""Variants: declarative retrieval pipelines.

The dataclasses have the shape of the experiment file. Optional fields that are None leave no trace in a
fingerprint, so later stages (chunking, reranking, more retrievers) can be added without changing old ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
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

    @property
    def stage(self) -> BM25 | Dense | Fuse:
        """The one field that is set.

        Raises:
            ValueError: none or several are set.
        """
        stages = [getattr(self, field.name) for field in dataclasses.fields(self)]
        chosen = [stage for stage in stages if stage is not None]
        if len(chosen) != 1:
            names = ", ".join(field.name for field in dataclasses.fields(self))
            raise ValueError(f"exactly one of {names} is needed, {len(chosen)} given")
        return chosen[0]  # type: ignore[no-any-return]

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
        ValueError: a name is unknown, used twice, or refers to itself.
    """
    by_name = {variant.name: variant for variant in variants}
    if len(by_name) != len(variants):
        names = [variant.name for variant in variants]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"variant names must be unique; used more than once: {', '.join(twice)}")

    def resolve(retrieve: Retrieve, path: tuple[str, ...]) -> Retrieve:
        stage = retrieve.stage
        if not isinstance(stage, Fuse):
            return retrieve
        parts = []
        for part in stage.of:
            if isinstance(part, Retrieve):
                parts.append(resolve(part, path))
                continue
            if part not in by_name:
                raise ValueError(f"{path[-1]!r} fuses {part!r}, but no variant has that name; there are: {', '.join(by_name)}")
            if part in path:
                raise ValueError(f"{path[-1]!r} fuses {part!r}, which leads back to itself: {' > '.join((*path, part))}")
            parts.append(resolve(by_name[part].retrieve, (*path, part)))
        return Retrieve(fuse=dataclasses.replace(stage, of=tuple(parts)))

    return tuple(dataclasses.replace(v, retrieve=resolve(v.retrieve, (v.name,))) for v in variants)
