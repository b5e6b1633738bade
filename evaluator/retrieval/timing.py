"""What a variant's pipeline costs: seconds of a query, bytes of an index."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from evaluator.domain.variant import BM25, Dense, Late, Run, Sparse, Variant
from evaluator.retrieval.pipeline import Keep, Opening, open_reranker, open_search
from evaluator.retrieval.search.indexes import Sources, index_names, quantized_name, vectors_name
from evaluator.retrieval.search.queries import LiveQueries, Load


@dataclass
class Times:
    """Seconds of each query: encoding, search and reranking."""

    encode: list[float] = field(default_factory=list)
    search: list[float] = field(default_factory=list)
    rerank: list[float] = field(default_factory=list)

    @property
    def total(self) -> list[float]:
        """Seconds of each query in all."""
        return [sum(parts) for parts in zip(self.encode, self.search, self.rerank, strict=True)]


def can_be_asked(variant: Variant) -> bool:
    """Whether a variant answers new queries; a run made elsewhere does not."""
    return not any(isinstance(stage, Run) for stage in variant.stages())


def time_queries(
    variant: Variant, sources: Sources, load: Load, keep: Keep, texts: Sequence[str], depth: int
) -> Times:
    """Ask a variant queries, one after the other, encoding each as production would.

    The first query is asked twice: the first time opens indexes and models, and is not counted.

    Args:
        texts: at least one.
        depth: documents of a list.
    """
    times = Times()
    for number, text in enumerate([texts[0], *texts]):
        queries = LiveQueries([text], load)
        opening = Opening(sources, queries, load, keep)
        retriever = open_search(variant.retrieve, opening)
        depths = [rerank.depth for rerank in variant.rerank or ()]
        started = time.perf_counter()
        candidates = retriever.search([0], depths[0] if depths else depth)[0]
        search, rerank = time.perf_counter() - started, 0.0
        for stage, rerank_depth in zip(variant.rerank or (), [*depths[1:], depth], strict=False):
            reranker = open_reranker(stage, opening)
            started = time.perf_counter()
            candidates = reranker.rerank(0, candidates).top(rerank_depth)
            rerank += time.perf_counter() - started
        if number:
            times.encode.append(queries.seconds)
            times.search.append(search)
            times.rerank.append(rerank)
    return times


@dataclass(frozen=True)
class Sizes:
    """Bytes of the files that a search reads: all of them, and the documents' vectors among them."""

    index: int
    vectors: int


def index_sizes(variant: Variant, sources: Sources) -> Sizes:
    """Sizes of the artifacts that a variant reads of its documents; shared ones count once."""
    read: set[str] = set()
    vectors: set[str] = set()
    for stage in variant.stages():
        names = set(index_names(stage, sources))
        encodings = list(sources.encodings(stage))
        names -= {encoding.artifact for encoding in encodings if encoding.texts.role == "query"}
        if isinstance(stage, Dense | Sparse | Late):
            encoder, documents = sources.spec.encoder(stage), sources.documents(stage)
            full = vectors_name(stage, encoder, documents)
            if isinstance(stage, Dense) and stage.quantize:
                vectors.add(quantized_name(stage, encoder, documents))
                names -= set() if stage.rescore else {full}
            if full in names:
                vectors.add(full)
        elif not isinstance(stage, BM25):
            vectors |= {e.artifact for e in encodings if e.texts.role == "document"}
        read |= names
    size = sources.store.size
    return Sizes(sum(map(size, read)), sum(map(size, vectors)))
