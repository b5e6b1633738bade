"""Reranking by a chat model."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.domain.variant import LanguageModel
from evaluator.retrieval.documents import DocumentTexts
from evaluator.retrieval.indexes import Sources
from evaluator.retrieval.rerank import Reranker


def open_language_model(
    stage: LanguageModel, sources: Sources, queries: Sequence[str], documents: DocumentTexts
) -> Reranker:
    """The reranker that asks a stage's endpoint."""
    raise NotImplementedError
