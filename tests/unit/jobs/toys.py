"""Jobs with telling names, for tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from evaluator.errors import EncoderNotFoundError
from evaluator.jobs.tasks import on_failure, running_job

__all__ = [
    "dispatch", "evaluate", "fail", "fail_for_ever", "hang", "on_failure", "say_hello", "tell_dependencies",
]  # fmt: skip


def say_hello(name: str = "you") -> str:
    return f"hello {name}"


def hang() -> None:
    threading.Event().wait()


def fail() -> None:
    raise RuntimeError("a toy broke")


def fail_for_ever() -> None:
    raise EncoderNotFoundError("there is no such toy")


def tell_dependencies() -> list[str]:
    """The states of the jobs that this one waited for."""
    return [str(job.get_status().value) for job in running_job().fetch_dependencies()]


def dispatch(experiment: str, variant: str, batch_size: int) -> None:
    raise RuntimeError(f"{variant} of {experiment} cannot be handed out in batches of {batch_size}")


def evaluate(experiment: str, variant: str, query_ids: Sequence[str]) -> None:
    raise RuntimeError(f"{variant} of {experiment} cannot be evaluated")
