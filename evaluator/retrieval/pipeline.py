"""A variant's pipeline: retrievers, the fusion of their lists, and rerankers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from evaluator.domain.pipelines.shared_searches import SharedSearch, first_depth
from evaluator.domain.ranking import Ranking
from evaluator.domain.variant import (
    BM25,
    MMR,
    CrossEncoder,
    Dense,
    Fuse,
    LanguageModel,
    Leaf,
    Rerank,
    Retrieve,
    Run,
    Variant,
)
from evaluator.retrieval.candidates import Candidates
from evaluator.retrieval.fusion import fuse_lists
from evaluator.retrieval.rerank.language_model import LanguageModelReranker
from evaluator.retrieval.rerank.rerankers import CrossEncoderReranker, DenseReranker, MMRReranker, Reranker
from evaluator.retrieval.search.indexes import Sources, form_of, index_names, open_dense, open_index
from evaluator.retrieval.search.queries import Load, Queries, StoredQueries
from evaluator.retrieval.search.runs import StoredRun, run_name
from evaluator.retrieval.texts.documents import DocumentTexts, texts_name
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors.encoding import Form, open_matrix

T = TypeVar("T")

Part = Literal["index", "texts", "rows"]
"""Kinds of parts that a pipeline opens: search indexes and runs, the documents' texts, and their rows by id."""


class Keep(Protocol):
    """Gives the parts of pipelines that were opened before."""

    def __call__(self, part: Part, key: str, open_part: Callable[[], T], /) -> T:
        """The part that is kept under a key, or a new one."""
        ...


def keep_nothing(_part: Part, _key: str, open_part: Callable[[], T], /) -> T:
    """Open a part each time that it is needed."""
    return open_part()


class Retriever(Protocol):
    """Gives ranked lists for queries of its dataset."""

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Ranked lists of the queries at these rows, each at most `depth` long.

        A query's list does not depend on the other queries of the call.
        """
        ...


@dataclass(frozen=True)
class Opening:
    """What opening a pipeline needs.

    Attributes:
        sources: spec, dataset and artifact store.
        queries: that will be asked, by row.
        load: loads a stage's model; for rerankers that score with one.
        keep: gives parts that were opened before; a worker passes its caches.
        candidates: lists of shared searches; None to search for everything again.
    """

    sources: Sources
    queries: Queries
    load: Load
    keep: Keep = keep_nothing
    candidates: Candidates | None = None

    def shared(self, retrieve: Retrieve, depth: int) -> SharedSearch | None:
        """The shared search whose lists may be stored already; None if no other variant needs it."""
        return self.sources.spec.searches.of(retrieve, depth) if self.candidates else None


class Bound:
    """An index, and its queries by row, in the form that it takes: texts, ids or vectors."""

    def __init__(self, index: Any, inputs: Any) -> None:
        self._index, self._inputs = index, inputs

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Ranked lists of the queries at these rows."""
        rows = list(queries)
        chosen = [self._inputs[row] for row in rows] if isinstance(self._inputs, list) else self._inputs[rows]
        rankings: list[Ranking] = self._index.search(chosen, depth)
        return rankings


class FusedRetriever:
    """Fuses the lists of several retrievers."""

    def __init__(self, parts: Sequence[Retriever], fuse: Fuse) -> None:
        self._parts = parts
        self._fuse = fuse

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Fused lists; each part contributes its first `fuse.depth` documents."""
        lists = [part.search(queries, self._fuse.depth) for part in self._parts]
        return [fuse_lists(rankings, self._fuse, depth) for rankings in zip(*lists, strict=True)]


class Without:
    """Leaves documents out of the lists of queries, before lists are fused.

    Args:
        excluded: the ids of these documents, by the query's row.
    """

    def __init__(self, retriever: Retriever, excluded: Sequence[frozenset[str]]) -> None:
        self._retriever = retriever
        self._excluded = excluded

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Lists without the excluded documents."""
        more = max((len(self._excluded[row]) for row in queries), default=0)
        rankings = self._retriever.search(queries, depth + more)
        return [
            ranking.without(self._excluded[row]).top(depth)
            for row, ranking in zip(queries, rankings, strict=True)
        ]


class SearchedBefore:
    """Takes the stored lists of a shared search, and searches for the missing ones.

    Args:
        open_retriever: opens what searches; an index is not opened before it is needed.
    """

    def __init__(
        self, candidates: Candidates, search: SharedSearch, open_retriever: Callable[[], Retriever]
    ) -> None:
        self._candidates, self._search, self._open = candidates, search, open_retriever

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Lists of the queries at these rows: stored ones, or new ones."""
        rankings = self._candidates.read(self._search, queries)
        missing = [row for row in queries if row not in rankings]
        if missing:
            rankings |= zip(missing, self._open().search(missing, depth), strict=True)
        return [rankings[row].top(depth) for row in queries]


class RerankedRetriever:
    """Reranks the first documents of a retriever."""

    def __init__(self, retriever: Retriever, reranker: Reranker, candidates: int) -> None:
        self._retriever, self._reranker, self._candidates = retriever, reranker, candidates

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        """Reranked lists; documents behind the candidates are left out."""
        lists = self._retriever.search(queries, self._candidates)
        return [
            self._reranker.rerank(row, candidates).top(depth)
            for row, candidates in zip(queries, lists, strict=True)
        ]


def open_variant(variant: Variant, opening: Opening) -> Retriever:
    """Open a variant's whole pipeline over the artifacts in the store.

    Raises:
        ArtifactMissingError: an artifact is missing.
    """
    retriever = open_retriever(variant.retrieve, first_depth(variant, opening.sources.spec.depth), opening)
    for rerank in variant.rerank or ():
        retriever = RerankedRetriever(retriever, open_reranker(rerank, opening), rerank.depth)
    return retriever


def open_retriever(retrieve: Retrieve, depth: int, opening: Opening) -> Retriever:
    """Open a pipeline without its rerankers.

    Args:
        depth: documents that it will be asked for.

    Raises:
        ArtifactMissingError: an index is missing.
    """
    search = opening.shared(retrieve, depth)
    if search is None or opening.candidates is None:
        return open_search(retrieve, opening)
    return SearchedBefore(opening.candidates, search, lambda: open_search(retrieve, opening))


def open_search(retrieve: Retrieve, opening: Opening) -> Retriever:
    """Open a retriever that searches, even if its lists are stored; a fusion's parts may still read stored lists.

    Raises:
        ArtifactMissingError: an index is missing.
    """
    stage = retrieve.stage
    if isinstance(stage, Fuse):
        parts = [
            open_retriever(part, stage.depth, opening) for part in stage.of if isinstance(part, Retrieve)
        ]
        return FusedRetriever(parts, stage)
    retriever = _open_leaf(stage, opening)
    excluded = opening.queries.excluded
    return Without(retriever, excluded) if any(excluded) else retriever


def _open_leaf(stage: Leaf, opening: Opening) -> Retriever:
    sources = opening.sources
    if isinstance(stage, Run):
        path = sources.store.local_path(run_name(stage))
        key = sources.files(run_name(stage))
        return Bound(opening.keep("index", key, lambda: StoredRun(path)), list(opening.queries.ids))
    # The index's files, and the parameters of the search.
    key = f"{sources.files(*index_names(stage, sources))}|{stage!r}"
    index = opening.keep("index", key, lambda: open_index(stage, sources))
    if isinstance(stage, BM25):
        return Bound(index, list(opening.queries.texts))
    form = form_of(stage) if isinstance(stage, Dense) else Form()
    return Bound(index, opening.queries.vectors(stage, form))


def open_reranker(rerank: Rerank, opening: Opening) -> Reranker:
    """Open a reranker.

    Raises:
        ArtifactMissingError: an artifact is missing.
        EncoderNotFoundError: its model cannot be loaded.
    """
    sources, queries, stage = opening.sources, opening.queries, rerank.stage
    if isinstance(stage, CrossEncoder | LanguageModel):
        key = sources.files(texts_name(sources.dataset))
        texts = opening.keep("texts", key, lambda: DocumentTexts(sources.dataset, sources.store))
        if isinstance(stage, LanguageModel):
            # Answers to new queries are not stored: their time counts, and the queries may never come again.
            answers = sources.store if isinstance(queries, StoredQueries) else None
            return LanguageModelReranker(stage, opening.load(stage), queries.texts, texts, answers)
        return CrossEncoderReranker(opening.load(stage), queries.texts, texts)
    rows = opening.keep(
        "rows", sources.files(), lambda: {doc_id: row for row, doc_id in enumerate(sources.dataset.doc_ids)}
    )
    if isinstance(stage, MMR):
        matrix = open_matrix(
            sources.spec.encoder(stage.dense), document_texts(sources.dataset), sources.store
        )
        return MMRReranker(matrix, queries.vectors(stage.dense, Form()), rows, stage.relevance)
    key = f"exact|{sources.files(*index_names(stage, sources))}|{stage!r}"
    index = opening.keep("index", key, lambda: open_dense(stage, sources))
    return DenseReranker(index, queries.vectors(stage, form_of(stage)), rows)
