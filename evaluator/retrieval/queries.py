"""Queries as retrievers take them: those of a dataset, encoded before, or new ones, encoded now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from evaluator.artifacts import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec, ModelStage
from evaluator.retrieval.texts import query_texts
from evaluator.retrieval.vectors import Form, open_matrix

Load = Callable[[ModelStage], Any]
"""Gives the loaded model of a stage: an `Encoder`, or a `PairScorer` for a cross-encoder."""


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

    def vectors(self, stage: ModelStage, form: Form) -> Any:
        """What the stage's encoder makes of them, indexable by row; for dense encoders [n_queries, dim] float32."""
        ...


class StoredQueries:
    """A dataset's queries, with the vectors in the store."""

    def __init__(self, spec: ExperimentSpec, dataset: StoredDataset, store: ArtifactStore) -> None:
        self._spec, self._dataset, self._store = spec, dataset, store
        self.texts = [query.text for query in dataset.queries]
        self.ids = [query.query_id for query in dataset.queries]

    def vectors(self, stage: ModelStage, form: Form) -> Any:
        """See `Queries.vectors`.

        Raises:
            ArtifactMissingError: they are not encoded yet.
        """
        return open_matrix(self._spec.encoder(stage), query_texts(self._dataset), self._store, form)


class LiveQueries:
    """Queries that nobody has asked before; encoded when a retriever wants their vectors."""

    def __init__(self, texts: Sequence[str], load: Load) -> None:
        self.texts = list(texts)
        self.ids = [""] * len(self.texts)
        self._load = load

    def vectors(self, stage: ModelStage, form: Form) -> Any:
        """See `Queries.vectors`.

        Raises:
            EncodingError, EncoderNotFoundError: they cannot be encoded.
        """
        encoded = self._load(stage).encode(self.texts, "query")
        return form.apply(encoded) if isinstance(encoded, np.ndarray) else encoded
