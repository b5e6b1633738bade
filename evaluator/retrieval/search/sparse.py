"""Learned sparse retrieval: term weights of documents and queries, scored by inner product, exactly.

Sums are in float64, term after term in the vocabulary's order, so a document's score depends on nothing but its own
and the query's weights. Only documents that score more than 0 are retrieved: those that share a term with the query.
"""

# ruff: noqa: PLC0415  scipy takes a quarter of a second to import, and whoever only plans does not wait for it

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Doubles, Ints, Ranking, ranking_from_rows, tie_order, top_rows
from evaluator.retrieval.encoders.encoded import Terms, read_terms, write_encoded
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.texts.encoder_texts import TextSet
from evaluator.retrieval.vectors.encoding import gather


def sparse_name(spec: EncoderSpec, texts: TextSet) -> str:
    """The artifact of the texts' term weights."""
    return f"indexes/{texts.part}/{spec.fingerprint}-{texts.role}-sparse.npz"


def build_sparse(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> None:
    """Gather the texts' term weights from their shards into one CSR matrix, in the order of the texts.

    Raises:
        ArtifactMissingError: a shard is not there yet, or no plan holds a text.
    """
    from scipy.sparse import vstack

    def write(path: Path) -> None:
        parts, rows = [], []
        for terms, rows_of_shard, places in gather(spec, texts, store):
            parts.append(terms[places])
            rows.append(rows_of_shard)
        matrix = vstack(parts, format="csr")[np.argsort(np.concatenate(rows))]
        write_encoded("sparse", matrix, path)

    store.put(sparse_name(spec, texts), write)


def open_sparse(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> Terms:
    """The texts' term weights: a CSR matrix [n_texts, n_terms] float32.

    Raises:
        ArtifactMissingError: they are not gathered yet.
    """
    return read_terms(store.local_path(sparse_name(spec, texts)))


class SparseIndex:
    """Term weights of documents, or of passages if `grouping` is given, by term.

    Args:
        terms: CSR [n_documents or n_passages, n_terms] float32.
        doc_ids: n_documents ids.
        grouping: which passages are of which document.
    """

    def __init__(self, terms: Terms, doc_ids: Sequence[str], grouping: Grouping | None = None) -> None:
        self._postings = terms.tocsc()
        self._doc_ids = doc_ids
        self._grouping = grouping
        self._ties = tie_order(doc_ids)

    def search(self, queries: Terms, depth: int) -> list[Ranking]:
        """Ranked lists of queries: CSR [n_queries, n_terms] float32."""
        bounds = zip(queries.indptr[:-1].tolist(), queries.indptr[1:].tolist(), strict=True)
        return [
            self._search(queries.indices[start:stop], queries.data[start:stop].astype(np.float64), depth)
            for start, stop in bounds
        ]

    def _search(self, terms: Ints, weights: Doubles, depth: int) -> Ranking:
        scores = np.zeros(self._postings.shape[0], dtype=np.float64)
        for term, weight in zip(terms, weights, strict=True):
            of_term = slice(self._postings.indptr[term], self._postings.indptr[term + 1])
            # A document is once in a term's postings: no two of these sums are the same place's.
            scores[self._postings.indices[of_term]] += weight * self._postings.data[of_term].astype(
                np.float64
            )
        if self._grouping is not None:
            scores = self._grouping.scores(scores, np.arange(len(self._doc_ids)))
        matches = np.flatnonzero(scores > 0)
        best = matches[top_rows(scores[matches], self._ties[matches], depth)]
        return ranking_from_rows(best, scores, self._doc_ids)
