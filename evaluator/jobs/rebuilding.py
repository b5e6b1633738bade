"""The job that needs a missing or damaged index builds it again, from what it was made of.

Vectors are not encoded here: a job that lacks some ends without a record, and its experiments are planned again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from evaluator.domain.variant import Stage
from evaluator.errors import ArtifactMissingError
from evaluator.retrieval.search.indexes import Sources, rebuild_indexes

T = TypeVar("T")


def over_indexes(stages: Iterable[Stage], sources: Sources, work: Callable[[], T]) -> T:
    """Do some work over indexes; if one is missing or damaged, build it again and do the work once more.

    Raises:
        ArtifactMissingError: what it was made of is not there either.
        DatasetDamagedError: a part of the dataset is damaged.
    """
    try:
        return work()
    except ArtifactMissingError:
        rebuild(stages, sources)
        return work()


def rebuild(stages: Iterable[Stage], sources: Sources) -> None:
    """Build what the stages read, and distil their encoders, where that is missing or damaged.

    Raises:
        ArtifactMissingError: vectors are missing.
        DatasetDamagedError: a part of the dataset is damaged.
    """
    needed = list(stages)
    encodings = (encoding for stage in needed for encoding in sources.encodings(stage))
    for encoder in {encoding.encoder.fingerprint: encoding.encoder for encoding in encodings}.values():
        if encoder.source == "distilled":
            from evaluator.retrieval.encoders.sentence_transformer import distill  # noqa: PLC0415  imports torch

            distill(encoder, sources.store)
    rebuild_indexes(needed, sources)
