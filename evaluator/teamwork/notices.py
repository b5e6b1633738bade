"""Makes notifications of entries of the audit log that say how an experiment ended (ADR 0040)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from evaluator.analysis.gate import Gate, gate_of
from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
from evaluator.domain.access import MAIN, Action, Way
from evaluator.domain.records import AuditEntry, ExperimentRow
from evaluator.domain.teamwork.deeds import ENDS, Deed, experiment_of
from evaluator.domain.teamwork.records import (
    EVENTS,
    FAILED,
    FINISHED,
    INSTANCE,
    REGRESSED,
    Notice,
    Preferences,
)
from evaluator.errors import EvaluatorError
from evaluator.experiments.overview import overview
from evaluator.people.accounts import by_id, person_of
from evaluator.store import experiments
from evaluator.store.instance import identity
from evaluator.store.people import audit
from evaluator.store.teamwork import notifications as store
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace


class Ended(NamedTuple):
    """How an experiment ended.

    Attributes:
        events: of `EVENTS`; whoever wants one of them is told once, with all of it.
    """

    entry: AuditEntry
    experiment: ExperimentRow
    events: frozenset[str]
    title: str
    text: str


Regression = Callable[[str | None, float], Gate | None]
"""Looks for a regression against a variant, or against the one that was decided on, with the largest loss allowed."""


def notice(workspace: Workspace) -> int:
    """Make notifications of all new entries; returns how many entries there were.

    Those of an entry are stored with its number in one transaction: none is lost or made twice, whenever the server is
    killed.
    """
    entries = audit.after(workspace.database, store.noticed(workspace.database), ENDS)
    for entry in entries:
        store.notify(workspace.database, _of(workspace, entry), entry.number)
    return len(entries)


def _of(workspace: Workspace, entry: AuditEntry) -> list[Notice]:
    row = experiments.known_experiment(workspace.database, entry.target or "")
    wanted = [*store.preferences(workspace.database)]
    if workspace.settings.webhook_url is not None:
        wanted.append(Preferences(INSTANCE, EVENTS, everybodys=True, in_app=False, webhook=True))
    if row is None or not wanted:  # it was deleted meanwhile
        return []
    starter = _starter(workspace, row.id, entry.number)
    looked: dict[tuple[str | None, float], Gate | None] = {}

    def regression(baseline: str | None, max_loss: float) -> Gate | None:
        key = (_baseline(workspace, row, baseline), max_loss)
        if key not in looked:
            looked[key] = _regression(workspace, row, *key)
        return looked[key]

    notices: list[Notice] = []
    for each in wanted:
        if each.events and _may_know(workspace, each, starter, entry.project or MAIN):
            ended = _ended(workspace, entry, row, each, regression)
            if ended.events & set(each.events):
                notices += _notices(workspace, ended, each)
    return notices


def _may_know(workspace: Workspace, wanted: Preferences, starter: str | None, project: str) -> bool:
    if wanted.account == INSTANCE:
        return True
    account = by_id(workspace, wanted.account)
    if account is None or not person_of(account, Way.SYSTEM).may(Action.SEE, project):
        return False
    return wanted.everybodys or starter == wanted.account


def _starter(workspace: Workspace, id_: str, before: int) -> str | None:
    """The account that started an experiment last."""
    found = audit.entries(
        workspace.database, about=experiment_of(id_), actions=[Deed.STARTED], before=before, limit=1
    )
    return found[0].account if found else None


def _ended(
    workspace: Workspace,
    entry: AuditEntry,
    row: ExperimentRow,
    wanted: Preferences,
    regression: Regression,
) -> Ended:
    if entry.action == Deed.STOPPED:
        reason = without_paths(row.reason or "")
        return Ended(
            entry, row, frozenset({FINISHED, FAILED}), f"{row.name} was stopped", f"{_about(row)}\n{reason}"
        )
    events, title, lines = {FINISHED}, f"{row.name} is finished", [_about(row)]
    summary = overview(workspace, row.id)
    if summary.failed or summary.broken:
        events.add(FAILED)
        title = f"{row.name} is finished, but some of it failed"
        lines.append(f"{summary.failed:,} queries and {summary.broken:,} variants failed.")
    gate = regression(wanted.baseline, wanted.max_loss) if REGRESSED in wanted.events else None
    if gate is not None and gate.verdict == REGRESSION:
        events.add(REGRESSED)
        title = f"Regression: {row.name}"
        lines += [
            f"{of.variant} {of.reason}, against {gate.baseline} by {gate.measure} "
            f"(at most {gate.max_loss:g} was allowed)."
            for of in gate.variants
            if of.verdict == REGRESSION
        ]
    return Ended(entry, row, frozenset(events), title, "\n".join(lines))


REGRESSION = "regression"


def _about(row: ExperimentRow) -> str:
    return f"{len(row.spec.variants):,} variants over {row.n_queries:,} queries of {row.dataset}."


def _baseline(workspace: Workspace, row: ExperimentRow, named: str | None) -> str | None:
    """The variant that somebody names, else the one decided on last for the dataset; None if it is not there."""
    names = [variant.name for variant in row.spec.variants]
    if named is not None:
        return named if named in names else None
    return next((name for name in _decided(workspace, row) if name in names), None)


def _decided(workspace: Workspace, row: ExperimentRow) -> Iterator[str]:
    """The variant of the newest decision on an experiment over any version of the same dataset, if one ships."""
    decisions = [
        other.decision
        for other in experiments.all_experiments(workspace.database)
        if other.dataset_id == row.dataset_id and other.decision is not None
    ]
    newest = max(decisions, key=lambda decision: decision.number, default=None)
    if newest is not None and newest.variant is not None:
        yield newest.variant


def _regression(
    workspace: Workspace, row: ExperimentRow, baseline: str | None, max_loss: float
) -> Gate | None:
    """The gate's result; None if there is nothing to compare, or it cannot be judged now."""
    if baseline is None or len(row.spec.variants) < 2:
        return None
    try:
        return gate_of(leaderboard_record(leaderboard(workspace, row, baseline=baseline)), max_loss)
    except EvaluatorError:  # deleted or started again meanwhile: there will be another end
        return None


def _notices(workspace: Workspace, ended: Ended, wanted: Preferences) -> Iterator[Notice]:
    event = next(event for event in (REGRESSED, FAILED, FINISHED) if event in ended.events)
    project = ended.entry.project or MAIN
    channels = {
        "app": wanted.in_app and wanted.account != INSTANCE,
        "webhook": wanted.webhook,
        "mail": wanted.mail_to is not None,
    }
    for channel in (name for name, is_wanted in channels.items() if is_wanted):
        id_ = _id(workspace, ended.entry.number, wanted.account, channel)
        yield Notice(
            id_, wanted.account, channel, project, ended.experiment.id, event, ended.title, ended.text
        )


def _id(workspace: Workspace, number: int, account: str, channel: str) -> str:
    """The id of a delivery: the same whenever the same entry is looked at, and no other instance's."""
    parts = f"{identity(workspace.database)}:{number}:{account}:{channel}"
    return hashlib.sha256(parts.encode()).hexdigest()[:32]
