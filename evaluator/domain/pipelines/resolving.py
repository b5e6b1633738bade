"""Resolves what a pipeline only names: other variants' pipelines, and the runs of a dataset."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from evaluator.domain.variant import Fuse, Leaf, Retrieve, Run, Variant

MAX_STAGES = 100
"""Maximum retrievers and fusions in one pipeline: nested fusions can grow exponentially."""


def resolve_names(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Replace each name in a fusion by the pipeline of the variant with that name.

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
    """Replace each name in a variant's fusions by the pipeline of the variant with that name.

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


def resolve_runs(variant: Variant, ids: Mapping[str, str]) -> Variant:
    """Set the ids of the runs that a variant names.

    Args:
        variant: the variant.
        ids: fingerprints of a dataset's runs, by name; they replace any ids in the variant.

    Raises:
        ValueError: the dataset has no run of that name.
    """

    def resolve(leaf: Leaf) -> Leaf:
        if not isinstance(leaf, Run):
            return leaf
        if leaf.name not in ids:
            known = ", ".join(ids) or "none"
            raise ValueError(f"{variant.name!r} takes the run {leaf.name!r}; the dataset has: {known}")
        return Run(leaf.name, ids[leaf.name])

    return dataclasses.replace(variant, retrieve=map_leaves(variant.retrieve, resolve))


def map_leaves(retrieve: Retrieve, change: Callable[[Leaf], Leaf]) -> Retrieve:
    """The same pipeline with a function applied to each retriever; names in fusions stay."""
    stage = retrieve.stage
    if isinstance(stage, Fuse):
        parts = tuple(part if isinstance(part, str) else map_leaves(part, change) for part in stage.of)
        return Retrieve(fuse=dataclasses.replace(stage, of=parts))
    name = next(
        field.name for field in dataclasses.fields(retrieve) if getattr(retrieve, field.name) is stage
    )
    changed: dict[str, Any] = {name: change(stage)}
    return Retrieve(**changed)
