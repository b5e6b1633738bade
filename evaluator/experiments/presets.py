"""Presets: common questions, each as an experiment to start from."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.domain.experiment import Experiment
from evaluator.domain.matrix import NONE
from evaluator.domain.variant import MMR, Chunk, CrossEncoder, Dense, Rerank
from evaluator.experiments.form import BUNDLED, CROSS_ENCODER, DISTILLED, Addition, described


@dataclass(frozen=True)
class Preset:
    """A question, and the variants that answer it.

    Attributes:
        title: the question in a few words.
        help: what is compared, and roughly how long it takes.
        name: the experiment's name.
        variants: the variants that are compared.
    """

    title: str
    help: str
    name: str
    variants: Addition

    def on(self, dataset: str) -> Experiment:
        """The preset's experiment on a dataset."""
        return described(self.name, dataset, self.variants)


QUICK_LOOK = Preset(
    "Quick look",
    "BM25, dense, and hybrid, with a model that takes seconds: your baseline to beat.",
    "quick-look",
    Addition(("bm25", "dense", "hybrid"), (DISTILLED,)),
)
CHUNKING = Preset(
    "Chunking study",
    "Whole documents against three ways to cut them into passages. Each way is encoded anew: minutes.",
    "chunking-study",
    Addition(
        ("bm25", "dense"),
        (BUNDLED,),
        chunks=(
            NONE,
            Chunk("tokens", overlap=32),
            Chunk("sentences", overlap=32),
            Chunk("structure", overlap=32),
        ),
    ),
)
RERANKING = Preset(
    "Is reranking worth it?",
    "With and without reranking the top 50: by a cross-encoder, which is slow, by vectors, and for diversity.",
    "is-reranking-worth-it",
    Addition(
        ("bm25", "hybrid"),
        (BUNDLED,),
        rerank=(
            Rerank(cross_encoder=CrossEncoder(CROSS_ENCODER)),
            Rerank(dense=Dense(BUNDLED)),
            Rerank(mmr=MMR(BUNDLED)),
        ),
    ),
)

PRESETS = (QUICK_LOOK, CHUNKING, RERANKING)
