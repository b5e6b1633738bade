"""Searches whose ranked lists several variants or fusions of an experiment use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.matrix import retriever_label
from evaluator.domain.variant import Fuse, Retrieve, Variant

SearchKey = tuple[Retrieve, int | None]
"""A retriever, and the depth if the retriever's lists depend on it."""


@dataclass(frozen=True)
class SharedSearch:
    """A search whose ranked lists have more than one user.

    Attributes:
        retrieve: the retriever; names must be resolved.
        depth: documents in a list: the largest depth that a user needs. The other users take the beginning of the list.
        variants: names of the variants that use the search.
        name: the name of the variant that consists of this search alone, or else a description.
        place: the search's place among the shared searches of its experiment, from 0.
    """

    retrieve: Retrieve
    depth: int
    variants: tuple[str, ...]
    name: str
    place: int = 0

    @property
    def key(self) -> str:
        """Identifies the search within its experiment, also in file names."""
        return f"{fingerprint(self.retrieve)}-{self.depth}"


class SharedSearches:
    """The shared searches of an experiment, in the order of first use.

    Args:
        variants: the experiment's variants; names must be resolved.
        depth: the depth of their lists.
    """

    def __init__(self, variants: Sequence[Variant], depth: int) -> None:
        users: dict[SearchKey, list[tuple[int, str]]] = {}
        names = {variant.retrieve: variant.name for variant in reversed(variants) if not variant.rerank}
        for variant in variants:
            _count(variant.retrieve, first_depth(variant, depth), variant.name, users)
        shared = {key: uses for key, uses in users.items() if len(uses) > 1}
        self._by_key = {
            key: SharedSearch(
                retrieve=key[0],
                depth=max(needed for needed, _ in uses),
                variants=tuple(dict.fromkeys(user for _, user in uses)),
                name=names.get(key[0]) or retriever_label(key[0]),
                place=place,
            )
            for place, (key, uses) in enumerate(shared.items())
        }
        self.all = tuple(self._by_key.values())

    def of(self, retrieve: Retrieve, depth: int) -> SharedSearch | None:
        """The shared search for a retriever's lists of this depth; None if the search has a single user."""
        return self._by_key.get(_key(retrieve, depth))

    def within(self, retrieve: Retrieve, depth: int) -> tuple[SharedSearch, ...]:
        """The shared searches that a retriever needs: the retriever's own, or else those of its parts."""
        own = self.of(retrieve, depth)
        return (own,) if own is not None else self.parts(retrieve)

    def parts(self, retrieve: Retrieve) -> tuple[SharedSearch, ...]:
        """The shared searches from which a fusion takes lists; empty for other retrievers."""
        stage = retrieve.stage
        if not isinstance(stage, Fuse):
            return ()
        parts = [part for part in stage.of if isinstance(part, Retrieve)]
        searches = [search for part in parts for search in self.within(part, stage.depth)]
        return tuple({search.place: search for search in searches}.values())


@lru_cache(maxsize=32)
def shared_searches(variants: tuple[Variant, ...], depth: int) -> SharedSearches:
    """The shared searches of an experiment with these variants; cached, because every job needs them."""
    return SharedSearches(variants, depth)


def first_depth(variant: Variant, depth: int) -> int:
    """The number of documents that a variant's retriever must find, given the depth of the variant's lists."""
    return variant.rerank[0].depth if variant.rerank else depth


def _count(
    retrieve: Retrieve, depth: int, variant: str, users: dict[SearchKey, list[tuple[int, str]]]
) -> None:
    uses = users.setdefault(_key(retrieve, depth), [])
    uses.append((depth, variant))
    stage = retrieve.stage
    if len(uses) > 1 or not isinstance(stage, Fuse):
        return  # the parts of a fusion are searched once, however many users the fusion has
    for part in stage.of:
        if isinstance(part, Retrieve):
            _count(part, stage.depth, variant, users)


def _key(retrieve: Retrieve, depth: int) -> SearchKey:
    # Only a search that rescores its first k * depth documents gives other lists for another depth; a fusion takes
    # lists of its own fixed depth from its parts.
    dense = retrieve.dense
    return retrieve, depth if dense is not None and dense.rescore else None
