"""Comments on experiments, and decisions on them: which variant ships, and why."""

from __future__ import annotations

from evaluator.domain.access import Action
from evaluator.domain.printable import is_one_line, printable
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.deeds import Deed, experiment_of
from evaluator.domain.teamwork.records import Comment, Decision
from evaluator.errors import ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.store import experiments
from evaluator.store.teamwork import comments as store
from evaluator.workspace.acting import acting, may, require
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

LONGEST, LONGEST_NAME = 10_000, 60
"""Maximum characters of a text, and of a name that somebody gives."""
SHOWN = 200
"""Characters of a text in the audit log."""


def comment(
    workspace: Workspace,
    experiment: ExperimentRow,
    text: str,
    *,
    variant: str | None = None,
    query: str | None = None,
    by: str = "",
) -> Comment:
    """Comment on an experiment, or on a variant or a query of it.

    Args:
        by: the name of who writes; on an instance with accounts, that of whoever is acting counts.

    Raises:
        ForbiddenError: whoever is acting may not comment.
        InvalidInputError: the text or the name is not valid.
        UnknownNameError: there is no such variant or query.
    """
    require(Action.COMMENT, experiment.project)
    name, text = author(by), checked_text(text)
    _require_variant(experiment, variant)
    if query is not None and query not in catalog.stored(workspace, experiment.spec.dataset).query_rows:
        raise UnknownNameError(f"the experiment has no query {query!r}")
    written = store.add_comment(
        workspace.database, experiment.project, experiment.id, variant, query, name, acting().account, text
    )
    # Without the text, which everybody would still see once it is deleted.
    _note(workspace, Deed.COMMENTED, experiment, _on(written), name, experiment.project)
    return written


def edit(workspace: Workspace, number: int, text: str) -> Comment:
    """Change one's own comment; what it was stays in the audit log.

    Raises:
        UnknownNameError: there is none of that number.
        ForbiddenError: somebody else wrote it.
    """
    before, text = _own(workspace, number), checked_text(text)
    store.change_comment(workspace.database, number, text)
    row = experiments.experiment(workspace.database, before.experiment)
    _note(workspace, Deed.COMMENT_EDITED, row, _before(before), before.person, before.project)
    return _known(workspace, number)


def delete(workspace: Workspace, number: int) -> None:
    """Delete one's own comment, or anybody's for those who may moderate; what it was stays in the audit log.

    Raises:
        UnknownNameError, ForbiddenError: as `edit`.
    """
    before = _own(workspace, number, moderates=True)
    store.delete_comment(workspace.database, number)
    row = experiments.experiment(workspace.database, before.experiment)
    _note(workspace, Deed.COMMENT_DELETED, row, _before(before), None, before.project)


def is_own(written: Comment) -> bool:
    """Whether whoever is acting wrote a comment; without accounts, everybody did."""
    person = acting()
    return person.is_admin if person.account is None else person.account == written.account


def may_delete(written: Comment) -> bool:
    """Whether whoever is acting may delete a comment."""
    return may(Action.COMMENT, written.project) and (is_own(written) or may(Action.MODERATE, written.project))


def comments(workspace: Workspace, experiment: ExperimentRow) -> list[Comment]:
    """The comments on an experiment, the oldest first."""
    return store.comments(workspace.database, experiment.id)


def decide(
    workspace: Workspace,
    experiment: ExperimentRow,
    variant: str | None,
    reason: str,
    *,
    by: str = "",
) -> ExperimentRow:
    """Decide which variant ships, instead of what was decided before, which stays in the history.

    Args:
        variant: None if none of them does.
        reason: why.
        by: as for `comment`.

    Raises:
        ForbiddenError: whoever is acting may not decide.
        InvalidInputError: the reason is missing or too long.
        UnknownNameError: there is no such variant.
    """
    require(Action.DECIDE, experiment.project)
    name, reason = author(by), checked_text(reason, "why: a decision without a reason helps nobody")
    _require_variant(experiment, variant)
    store.decide(
        workspace.database, experiment.project, experiment.id, variant, reason, name, acting().account
    )
    what = f"{variant or 'none of them'} ships: {printable(reason, SHOWN)}"
    _note(workspace, Deed.DECIDED, experiment, what, name, experiment.project)
    return lifecycle.find(workspace, experiment.id)


def decisions(workspace: Workspace, experiment: ExperimentRow) -> list[Decision]:
    """All decisions on an experiment; the first one counts."""
    return store.decisions(workspace.database, experiment.id)


def author(by: str) -> str:
    """The name of who writes: whoever is acting, or the name that somebody gives on an instance without accounts.

    Raises:
        InvalidInputError: the name is missing, too long, or holds a character that cannot be printed.
    """
    person = acting()
    if person.account is not None:
        return person.name
    name = by.strip()
    if not name:
        raise InvalidInputError("say who writes: give a name")
    if len(name) > LONGEST_NAME or not is_one_line(name):
        raise InvalidInputError(
            f"{printable(name, 20)!r} is no name of {LONGEST_NAME} characters at most; use another"
        )
    return name


def checked_text(text: str, what: str = "something: the text is empty") -> str:
    """A text without space around it.

    Raises:
        InvalidInputError: it is empty or too long.
    """
    text = text.strip()
    if not text:
        raise InvalidInputError(f"write {what}")
    if len(text) > LONGEST:
        raise InvalidInputError(f"the text has {len(text):,} characters; shorten it to {LONGEST:,}")
    return text


def _own(workspace: Workspace, number: int, *, moderates: bool = False) -> Comment:
    written = _known(workspace, number)
    if not may(Action.SEE, written.project):
        raise UnknownNameError(f"there is no comment {number}")
    require(Action.COMMENT, written.project)
    if not is_own(written) and not (moderates and may(Action.MODERATE, written.project)):
        raise ForbiddenError(f"{acting().name} may not change a comment of {written.person}")
    return written


def _known(workspace: Workspace, number: int) -> Comment:
    written = store.comment(workspace.database, number)
    if written is None:
        raise UnknownNameError(f"there is no comment {number}")
    return written


def _require_variant(experiment: ExperimentRow, variant: str | None) -> None:
    names = [each.name for each in experiment.spec.variants]
    if variant is not None and variant not in names:
        raise UnknownNameError(f"the experiment has no variant {variant!r}; it has {', '.join(names)}")


def _on(written: Comment) -> str:
    on = [f"query {written.query}"] if written.query is not None else []
    on += [written.variant] if written.variant is not None else []
    return ", ".join(on)


def _before(written: Comment) -> str:
    on = f" on {_on(written)}" if _on(written) else ""
    return f"by {written.person}{on}: {printable(written.text, SHOWN)}"


def _note(
    workspace: Workspace, deed: Deed, row: ExperimentRow, what: str, by: str | None, project: str
) -> None:
    subject = f"{row.name}: {what}" if what else row.name
    note(workspace, deed, subject, experiment_of(row.id), by=by, project=project)
