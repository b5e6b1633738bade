"""Any query, asked of an experiment's variants: workers answer, for they have models and indexes open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import EMPTY
from evaluator.domain.records import ExperimentRow
from evaluator.errors import InvalidInputError
from evaluator.inspection.side_by_side import SideBySide, check_variants, lists_of
from evaluator.jobs.adhoc_queries import Answer, answer, enqueue_questions
from evaluator.jobs.context import spec_name
from evaluator.jobs.limits import write_terms
from evaluator.library import catalog
from evaluator.retrieval.timing import can_be_asked
from evaluator.store.ranked_lists import RecordedList, variant_errors
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.queue_status import queue_status
from evaluator.workspace.workspace import Workspace

MAX_ASKED = 8
"""Variants that one query is asked of."""
MAX_TEXT = 2000
"""Characters of a query."""


@dataclass(frozen=True)
class Asked:
    """A query that was asked, and what came back so far.

    Attributes:
        answers: by variant.
        served: whether a worker is there that takes such questions.
    """

    answers: Mapping[str, Answer]
    served: bool

    @property
    def waiting(self) -> list[str]:
        """Variants that have not answered yet."""
        return [variant for variant, found in self.answers.items() if found.state in ("waiting", "unasked")]


def askable(workspace: Workspace, experiment: ExperimentRow) -> list[str]:
    """Variants that can answer new queries: not those that failed, and not lists that were made elsewhere."""
    broken = variant_errors(workspace.database, experiment.id)
    return [v.name for v in experiment.spec.variants if v.name not in broken and can_be_asked(v)]


def ask(
    workspace: Workspace,
    experiment: ExperimentRow,
    variants: Sequence[str],
    text: str,
    *,
    again: bool = False,
) -> Asked:
    """Ask a query, unless it was asked minutes ago, and look what came back; returns at once.

    Args:
        variants: 1 to 8 names.
        again: also ask those whose answer failed.

    Raises:
        InvalidInputError: a variant is unknown, or one that cannot be asked, or the text empty or too long.
        QueueUnavailableError: the queue does not answer.
    """
    text = checked_text(text)
    spec = experiment.spec
    check_variants(spec, variants, MAX_ASKED)
    for name in variants:
        if not can_be_asked(spec.variant(name)):
            raise InvalidInputError(
                f"{name!r} is a list that was made elsewhere; it cannot be asked anything: choose other variants"
            )
    with reachable(workspace) as connection:
        answers = {name: answer(connection, spec.id, name, text) for name in variants}
        states = ("unasked", "failed") if again else ("unasked",)
        if open_ := [name for name, found in answers.items() if found.state in states]:
            _prepare(workspace, spec)
            enqueue_questions(connection, spec, open_, text, workspace.settings)
            answers |= {name: answer(connection, spec.id, name, text) for name in open_}
    served = any("encode" in worker.queues for worker in queue_status(workspace).present)
    return Asked(answers, served)


def answered(
    workspace: Workspace, experiment: ExperimentRow, asked: Asked, text: str, depth: int = 10
) -> SideBySide:
    """The lists that came back, side by side; those that did not are waiting or failed."""
    lists = {
        variant: RecordedList(found.ranking or EMPTY, {}, found.seconds, found.error)
        for variant, found in asked.answers.items()
        if found.state in ("answered", "failed")
    }
    dataset = catalog.stored(workspace, experiment.spec.dataset)
    return lists_of(experiment, dataset, checked_text(text), lists, tuple(asked.answers), depth)


def checked_text(text: str) -> str:
    """A query's text, without space around it.

    Raises:
        InvalidInputError: it is empty or too long.
    """
    text = " ".join(text.split())
    if not text:
        raise InvalidInputError("there is nothing to ask; type a query")
    if len(text) > MAX_TEXT:
        raise InvalidInputError(f"the query has {len(text):,} characters; shorten it to {MAX_TEXT:,}")
    return text


def _prepare(workspace: Workspace, spec: ExperimentSpec) -> None:
    """Write what workers read: the spec, also of an experiment that was only rescored, and what endpoints may cost."""
    workspace.store.put_json(spec_name(spec.id), spec.to_json())
    write_terms(workspace.connection, spec)
