"""Queries as retrievers take them: those of a dataset, encoded before, or new ones, encoded now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec, ModelStage, encoder_key
from evaluator.domain.variant import LanguageModel, Late, Sparse
from evaluator.retrieval.search.late import open_late
from evaluator.retrieval.search.sparse import open_sparse
from evaluator.retrieval.texts.encoder_texts import query_texts
from evaluator.retrieval.vectors.encoding import Form, open_matrix

Load = Callable[[ModelStage | LanguageModel], Any]
"""Gives the model of a stage: an `Encoder`, a `PairScorer` for a cross-encoder, or the `ChatModel` of an endpoint."""


class Queries(Protocol):
    """Queries, and what an encoder makes of them."""

    @property
    def texts(self) -> Sequence[str]:
        """The texts: n_queries."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """The ids: n_queries."""
        ...

    @property
    def excluded(self) -> Sequence[frozenset[str]]:
        """Ids of the documents that are left out of their lists: n_queries."""
        ...

    def vectors(self, stage: ModelStage, form: Form) -> Any:
        """What the stage's encoder makes of them, by row.

        Returns:
            [n_queries, dim] float32; for a sparse encoder CSR [n_queries, n_terms] float32; for late interaction
            a list of n_queries arrays [n_tokens, dim] float32.
        """
        ...


class StoredQueries:
    """A dataset's queries, with the vectors in the store."""

    def __init__(self, spec: ExperimentSpec, dataset: StoredDataset, store: ArtifactStore) -> None:
        self._spec, self._dataset, self._store = spec, dataset, store
        self.texts = [query.text for query in dataset.queries]
        self.ids = [query.query_id for query in dataset.queries]
        self.excluded = [
            frozenset((*query.excluded, query.query_id) if spec.exclude_self else query.excluded)
            for query in dataset.queries
        ]

    def vectors(self, stage: ModelStage, form: Form) -> Any:
        """See `Queries.vectors`.

        Raises:
            ArtifactMissingError: they are not encoded yet.
        """
        encoder, texts = self._spec.encoder(stage), query_texts(self._dataset)
        match stage:
            case Sparse():
                return open_sparse(encoder, texts, self._store)
            case Late():
                return open_late(encoder, texts, self._store)
        return open_matrix(encoder, texts, self._store, form)


class LiveQueries:
    """New queries; encoded when a retriever needs their vectors.

    Attributes:
        seconds: spent on encoding so far.
    """

    def __init__(self, texts: Sequence[str], load: Load) -> None:
        self.texts = list(texts)
        self.ids = [""] * len(self.texts)
        self.excluded: list[frozenset[str]] = [frozenset()] * len(self.texts)
        self._load = load
        self._encoded: dict[str, Any] = {}
        self.seconds = 0.0

    def vectors(self, stage: ModelStage, form: Form) -> Any:
        """See `Queries.vectors`.

        Raises:
            EncodingError, EncoderNotFoundError: they cannot be encoded.
        """
        key = encoder_key(stage)
        if key not in self._encoded:
            encoder = self._load(stage)
            started = time.perf_counter()
            self._encoded[key] = encoder.encode(self.texts, "query")
            self.seconds += time.perf_counter() - started
        encoded = self._encoded[key]
        return form.apply(encoded) if isinstance(encoded, np.ndarray) else encoded
