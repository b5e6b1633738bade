"""One hierarchy of errors: each message names the value, the place, and what to do."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from evaluator.urls import without_secrets


class EvaluatorError(Exception):
    """The base of all errors that this software raises; messages are written for users, and tell no known secret."""

    def __str__(self) -> str:
        return without_secrets(super().__str__())


class InvalidInputError(EvaluatorError):
    """A file, field or argument is not valid (the command line exits with 2)."""


class DatasetError(InvalidInputError):
    """A dataset cannot be imported; names the file, the line and the reason."""


class BrokenFileError(DatasetError):
    """A dataset's file cannot be read to its end: how many rows are lost is unknown."""


class NoQueriesError(InvalidInputError):
    """An experiment needs queries, and its dataset has none yet."""


class ExperimentFileError(InvalidInputError):
    """An experiment file is invalid; names the line, the field and the reason."""


class TooLargeError(InvalidInputError):
    """A file or a request is too large; names the limit and what to do."""


class TooSlowError(InvalidInputError):
    """A request did not arrive in time; names the time limit."""


class TooManyError(EvaluatorError):
    """Too many things of a kind are open; names the limit and what to do."""


class QuotaReachedError(EvaluatorError):
    """A quota is used up, though each part is small enough; names the usage, the limit and what to do."""


class ForbiddenError(EvaluatorError):
    """Whoever is acting may not do this; says what it takes and who can grant it."""


class SignedOutError(EvaluatorError):
    """Nobody is signed in, or not any more."""


class ProviderError(EvaluatorError):
    """An identity provider does not answer, or not as it should; nobody is signed in."""


class UnknownNameError(InvalidInputError):
    """Nothing is stored under the requested name."""


class ConflictError(InvalidInputError):
    """A request conflicts with the current state of something."""


class AmbiguousNameError(InvalidInputError):
    """A name matches several things; lists them, and says how to name one.

    Attributes:
        candidates: the ids of the matches, newest first.
    """

    def __init__(self, message: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class NotEvaluatedError(EvaluatorError):
    """A gate has no result to judge (the command line exits with 3)."""


class ServerUnreachableError(EvaluatorError):
    """A server does not answer; asking again later may help."""


class ServerBusyError(EvaluatorError):
    """A server asks to repeat a request later.

    Attributes:
        seconds: how much later.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class EncoderNotFoundError(EvaluatorError):
    """There is no model with an encoder's name; trying again does not help."""


class LookingUpError(EvaluatorError):
    """A model is still being looked up on the hub, or waits for its turn; trying again later helps.

    Attributes:
        progress: done when it makes sense to try again.
    """

    def __init__(self, message: str, progress: Future[Any]) -> None:
        super().__init__(message)
        self.progress = progress


class EncodingError(EvaluatorError):
    """An encoder returned an invalid vector: of the wrong shape, or with a value that is not finite."""


class ArtifactMissingError(EvaluatorError):
    """An artifact that an earlier stage should have written is not in the store."""


class ArtifactLostError(ArtifactMissingError):
    """The result of an earlier stage is gone, for example because it was damaged. Planning again recreates it."""


class DatasetDamagedError(EvaluatorError):
    """A part of an imported dataset is damaged or gone, and cannot be recreated."""


class StageFailedError(EvaluatorError):
    """An earlier stage of the same experiment failed, so this one cannot run."""


class QueriesFailedError(EvaluatorError):
    """Some queries of a batch failed; the others are recorded, and the failed ones are tried again."""


class BudgetReachedError(EvaluatorError):
    """An experiment has spent its budget; it is stopped, and its results stay."""


class StoreLockedError(EvaluatorError):
    """Another process owns the DuckDB file."""


class StoreUnavailableError(EvaluatorError):
    """The DuckDB file cannot be read or written for now; says why and what to do."""


class NotRescoredError(EvaluatorError):
    """Judgments are saved, but experiments are not rescored yet; says which, why, and that it will be tried again."""


class ArtifactNotWrittenError(EvaluatorError):
    """An artifact cannot be written; says why and what to do. No partial file is left."""


class UploadNotWrittenError(EvaluatorError):
    """An uploaded file cannot be written; says why and what to do. No partial file is left."""


class QueueUnavailableError(EvaluatorError):
    """Redis or Valkey cannot be reached or used, or another instance has claimed it."""


class WorkersFailedError(EvaluatorError):
    """No worker of this instance can start; names the log that says why."""


class InstanceRunningError(EvaluatorError):
    """Another instance already uses the same home folder, port or Redis database."""


class DependencyCancelledError(EvaluatorError):
    """A job that this one depends on was cancelled; if the experiment still needs it, it is planned again."""


class WorkerStopping(BaseException):
    """The worker has to stop before its running job can end; another worker runs the job again."""


class JobCancelled(BaseException):
    """The running job was cancelled; raised at whatever point the job has reached."""


PERMANENT_ERRORS: tuple[type[Exception], ...] = (
    InvalidInputError,
    EncoderNotFoundError,
    DatasetDamagedError,
    StageFailedError,
    BudgetReachedError,
    DependencyCancelledError,
)
"""Errors that a second attempt cannot fix: jobs that raise them are not retried."""
