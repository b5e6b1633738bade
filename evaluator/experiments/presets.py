"""Presets: questions that many people begin with, as choices to start from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from evaluator.experiments.form import Choices


@dataclass(frozen=True)
class Preset:
    """A question, and the choices that answer it.

    Attributes:
        title: the question in a few words.
        help: what is compared, and roughly how long it takes.
        choices: all but the dataset.
    """

    title: str
    help: str
    choices: Choices

    def on(self, dataset: str) -> Choices:
        """The choices over a dataset."""
        return dataclasses.replace(self.choices, dataset=dataset)


QUICK_LOOK = Preset(
    "Quick look",
    "Words, meaning, and both, with a model that takes seconds: your baseline to beat.",
    Choices(name="quick-look", distilled=True, words=True, meaning=True, both=True),
)
CHUNKING = Preset(
    "Chunking study",
    "Whole documents against three ways to cut them into passages. Each way is encoded anew: minutes.",
    Choices(
        name="chunking-study",
        bundled=True,
        words=True,
        meaning=True,
        chunked=True,
        chunk_by=("tokens", "sentences", "structure"),
    ),
)
RERANKING = Preset(
    "Is reranking worth it?",
    "With and without reranking the best 50: by vectors, for diversity, and by a cross-encoder, which is slow.",
    Choices(
        name="is-reranking-worth-it",
        bundled=True,
        words=True,
        both=True,
        reranked=True,
        second_look=True,
        mmr=True,
    ),
)

PRESETS = (QUICK_LOOK, CHUNKING, RERANKING)
