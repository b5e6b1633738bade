"""Runs any query with an experiment's variants; workers answer, because they have models and indexes loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluator.domain.access import Action
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import EMPTY
from evaluator.domain.records import ExperimentRow
from evaluator.errors import InvalidInputError
from evaluator.experiments.planning import tell_spending
from evaluator.inspection.side_by_side import SideBySide, check_variants, lists_of
from evaluator.jobs.adhoc_queries import Answer, answer, enqueue_questions
from evaluator.jobs.context import spec_name
from evaluator.jobs.limits import write_terms
from evaluator.library import catalog
from evaluator.retrieval.timing import can_be_asked
from evaluator.store.ranked_lists import RecordedList, variant_errors
from evaluator.workspace.acting import needs
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.queue_status import queue_status
from evaluator.workspace.workspace import Workspace

MAX_ASKED = 8
"""Maximum variants for one query."""
MAX_TEXT = 2000
"""Maximum characters of a query."""


@dataclass(frozen=True)
class AskedQuery:
    """A query that was sent to workers, and the answers so far.

    Attributes:
        answers: the answers by variant.
        served: whether a worker is running that answers such queries.
    """

    answers: Mapping[str, Answer]
    served: bool

    @property
    def waiting(self) -> list[str]:
        """Variants that have not answered yet."""
        return [
            variant for variant, answer_ in self.answers.items() if answer_.state in ("waiting", "unasked")
        ]


def askable(workspace: Workspace, experiment: ExperimentRow) -> list[str]:
    """Variants that can answer new queries: neither failed variants nor imported runs."""
    broken = variant_errors(workspace.database, experiment.id)
    return [v.name for v in experiment.spec.variants if v.name not in broken and can_be_asked(v)]


@needs(Action.ASK)
def ask(
    workspace: Workspace,
    experiment: ExperimentRow,
    variants: Sequence[str],
    text: str,
    *,
    again: bool = False,
) -> AskedQuery:
    """Send a query to workers, unless it was sent minutes ago, and return the answers so far without waiting.

    Args:
        workspace: the workspace.
        experiment: the experiment.
        variants: 1 to 8 names.
        text: the query.
        again: also repeat the query for variants whose answer failed.

    Raises:
        InvalidInputError: a variant is unknown or an imported run, or the text is empty or too long.
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
        if pending := [name for name, answer_ in answers.items() if answer_.state in states]:
            _prepare(workspace, spec)
            enqueue_questions(connection, spec, pending, text, workspace.settings)
            answers |= {name: answer(connection, spec.id, name, text) for name in pending}
    served = any("encode" in worker.queues for worker in queue_status(workspace).present)
    return AskedQuery(answers, served)


def answered(
    workspace: Workspace, experiment: ExperimentRow, asked: AskedQuery, text: str, depth: int = 10
) -> SideBySide:
    """The ranked lists of the answers, side by side; variants without a list are waiting or have failed."""
    lists = {
        variant: RecordedList(answer_.ranking or EMPTY, {}, answer_.seconds, answer_.error)
        for variant, answer_ in asked.answers.items()
        if answer_.state in ("answered", "failed")
    }
    dataset = catalog.stored(workspace, experiment.spec.dataset)
    return lists_of(experiment, dataset, checked_text(text), lists, tuple(asked.answers), depth)


def checked_text(text: str) -> str:
    """A query's text, with white space normalized.

    Raises:
        InvalidInputError: the text is empty or too long.
    """
    text = " ".join(text.split())
    if not text:
        raise InvalidInputError("there is nothing to ask; type a query")
    if len(text) > MAX_TEXT:
        raise InvalidInputError(f"the query has {len(text):,} characters; shorten it to {MAX_TEXT:,}")
    return text


def _prepare(workspace: Workspace, spec: ExperimentSpec) -> None:
    """Write what workers read: the spec, which an experiment that was only rescored lacks, and the endpoints' terms."""
    workspace.store.put_json(spec_name(spec.id), spec.to_json())
    write_terms(workspace.connection, spec)
    tell_spending(workspace, spec)
