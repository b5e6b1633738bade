"""Scores of pairs by a real cross-encoder, loaded as workers load it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.variant import CrossEncoder
from evaluator.errors import EncoderNotFoundError, EncodingError
from evaluator.retrieval.encoders.cross_encoder import BATCH_SIZE, CrossEncoderScorer
from evaluator.retrieval.encoders.loading import load_model
from evaluator.retrieval.encoders.resolve import resolve_encoder
from tests.conftest import TOPICS
from tests.models import TinyModels
from tests.unit.retrieval.fake_encoder import hash_spec

SPEC: EncoderSpec = hash_spec(name="cross", kind="cross")


@pytest.fixture
def scorer(tiny_models: TinyModels, store: ArtifactStore) -> CrossEncoderScorer:
    found: CrossEncoderScorer = load_model(
        resolve_encoder(CrossEncoder(str(tiny_models.cross)), allow_folders=True), store
    )
    return found


def test_scores_are_the_models_logits(scorer: CrossEncoderScorer, tiny_models: TinyModels) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_models.cross)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_models.cross).eval()
    for text in (*TOPICS, ""):
        with torch.inference_mode():
            logits = model(**tokenizer([("wing lift", text)], return_tensors="pt", truncation=True)).logits
        assert scorer.score("wing lift", [text]) == pytest.approx(logits.item(), abs=1e-5)


def test_the_order_of_the_documents_changes_no_bit(scorer: CrossEncoderScorer) -> None:
    documents = [f"{a} {b}" for a in TOPICS for b in TOPICS]
    assert len(documents) > 2 * BATCH_SIZE
    scores = scorer.score("boundary layer", documents)
    order = np.random.default_rng(7).permutation(len(documents))
    assert scorer.score("boundary layer", [documents[n] for n in order]).tolist() == scores[order].tolist()


def test_equal_texts_have_equal_scores(scorer: CrossEncoderScorer) -> None:
    documents = [TOPICS[0], *(f"{topic} number {n}" for topic in TOPICS for n in range(5)), TOPICS[0]]
    scores = scorer.score("wing", documents)
    assert scores[0] == scores[-1]


class Fixed:
    """A model that gives what it is told to."""

    num_labels = 1

    def __init__(self, *scores: Any) -> None:
        self.scores = scores

    def predict(self, pairs: Sequence[tuple[str, str]], **_: Any) -> Any:
        return np.array(self.scores, dtype=np.float32)


def test_no_document_is_no_question() -> None:
    assert CrossEncoderScorer(Fixed(1), SPEC).score("query", []).shape == (0,)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ((1.0, np.nan), "cross gave a score that is not finite for 'two'"),
        ((1.0,), r"cross gave \(1,\) for 2 documents"),
        (((1.0, 2.0), (3.0, 4.0)), r"cross gave \(2, 2\) for 2 documents"),
    ],
)
def test_what_is_no_score_is_refused(scores: tuple[Any, ...], message: str) -> None:
    with pytest.raises(EncodingError, match=message):
        CrossEncoderScorer(Fixed(*scores), SPEC).score("query", ["two", "one"])


def test_a_classifier_is_no_reranker(
    tiny_models: TinyModels, store: ArtifactStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from sentence_transformers import CrossEncoder as Loaded

    folder = tmp_path_factory.mktemp("models") / "classifier"
    Loaded(
        str(tiny_models.cross), num_labels=3, device="cpu", model_kwargs={"ignore_mismatched_sizes": True}
    ).save(str(folder), create_model_card=False)
    spec = resolve_encoder(CrossEncoder(str(folder)), allow_folders=True)
    with pytest.raises(EncoderNotFoundError, match="gives 3 scores a pair, and a reranker needs one"):
        load_model(spec, store)
