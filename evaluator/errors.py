"""One hierarchy of errors: each message names the value, the place, and what to do."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any


class EvaluatorError(Exception):
    """Anything this software raises on purpose; its text is meant for the person who reads it."""


class InvalidInputError(EvaluatorError):
    """A file, field or argument is not what it should be (the command line exits with 2)."""


class DatasetError(InvalidInputError):
    """A dataset cannot be imported: which file, which line, why."""


class ExperimentFileError(InvalidInputError):
    """An experiment file is invalid: which line, which field, why."""


class TooLargeError(InvalidInputError):
    """A file or a request is larger than what is taken here: the limit, and what to do."""


class TooSlowError(InvalidInputError):
    """A request does not come to its end: how long it may take."""


class TooManyError(EvaluatorError):
    """Too many of a kind are open: how many may be, and what to do."""


class QuotaReachedError(EvaluatorError):
    """There is no room for more, though each alone is small enough: what is used, the limit, and what to do."""


class UnknownNameError(InvalidInputError):
    """Nothing is stored under the name that was asked for."""


class ConflictError(InvalidInputError):
    """What is asked for does not go with the state that something is in now."""


class AmbiguousNameError(InvalidInputError):
    """Several things could be meant: which, and how to name one.

    Attributes:
        candidates: their ids, the newest first.
    """

    def __init__(self, message: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class EncoderNotFoundError(EvaluatorError):
    """No model can be found under an encoder's name; trying again does not help."""


class LookingUpError(EvaluatorError):
    """A model is still being looked up on the hub, or has to wait for its turn; trying again helps.

    Attributes:
        progress: done when it is worth trying again.
    """

    def __init__(self, message: str, progress: Future[Any]) -> None:
        super().__init__(message)
        self.progress = progress


class EncodingError(EvaluatorError):
    """An encoder gave something that is no vector: a wrong shape, or a value that is not finite."""


class ArtifactMissingError(EvaluatorError):
    """An artifact that an earlier stage should have written is not in the store."""


class ArtifactLostError(ArtifactMissingError):
    """What an earlier stage wrote is gone, such as an artifact that was damaged. It is made again by planning anew."""


class DatasetDamagedError(EvaluatorError):
    """What people brought, a part of a dataset, is damaged or gone, and nothing else makes it again."""


class StageFailedError(EvaluatorError):
    """An earlier stage of the same experiment failed, so this one cannot run."""


class QueriesFailedError(EvaluatorError):
    """Some queries of a batch raised; the others are recorded, these are tried again."""


class BudgetReachedError(EvaluatorError):
    """An experiment has spent what it may; it is stopped, and what is done stays."""


class StoreLockedError(EvaluatorError):
    """Another process owns the DuckDB file."""


class StoreUnavailableError(EvaluatorError):
    """The DuckDB file cannot be written or read for now: why, and what to do."""


class NotRescoredError(EvaluatorError):
    """Judgments are saved, and experiments cannot follow yet: which, why, and that it is tried again."""


class ArtifactNotWrittenError(EvaluatorError):
    """An artifact cannot be written: why, and what to do. Nothing of it is left."""


class UploadNotWrittenError(EvaluatorError):
    """An uploaded file cannot be written: why, and what to do. Nothing of it is left."""


class QueueUnavailableError(EvaluatorError):
    """Redis or Valkey cannot be reached, or another instance has claimed it."""


class WorkersFailedError(EvaluatorError):
    """No worker of this instance can start: where to read why."""


class InstanceRunningError(EvaluatorError):
    """Another instance already works with the same home folder, port or Redis database."""


class DependencyCancelledError(EvaluatorError):
    """A job that this one waited for was cancelled; if the experiment still needs it, it is planned anew."""


class WorkerStopping(BaseException):
    """The worker was told to end, and the job that runs is not done soon enough: another worker does it anew."""


class JobCancelled(BaseException):
    """The job that runs was cancelled; raised wherever its work happens to be."""


PERMANENT_ERRORS: tuple[type[Exception], ...] = (
    InvalidInputError,
    EncoderNotFoundError,
    DatasetDamagedError,
    StageFailedError,
    BudgetReachedError,
    DependencyCancelledError,
)
"""Errors that a second attempt cannot mend: jobs that raise them are not retried."""
