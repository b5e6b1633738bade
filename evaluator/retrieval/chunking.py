"""Cut a text into passages."""

from __future__ import annotations

from collections.abc import Callable

from evaluator.artifacts import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.variant import Chunk

CUTTING_VERSION = 1
"""Changes whenever a text would be cut otherwise than before."""

Cutter = Callable[[str], list[str]]


def open_cutter(chunk: Chunk, encoder: EncoderSpec | None, store: ArtifactStore) -> Cutter:
    """A function that cuts a text; a text without words gives no passage."""
    raise NotImplementedError
