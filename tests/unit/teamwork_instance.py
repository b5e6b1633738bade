"""An instance with people who work together, and experiments that ended."""

from __future__ import annotations

from datetime import datetime

from evaluator.domain.access import MAIN, Person, Role, Way
from evaluator.domain.records import Account, ExperimentRow
from evaluator.experiments import lifecycle
from evaluator.people.accounts import person_of
from evaluator.store.people import accounts as store
from evaluator.workspace.workspace import Workspace
from tests.unit.finished import finished

RIGHT = {f"q{n}": [f"d{n}", f"d{(n + 1) % 10}"] for n in range(10)}
WRONG = {f"q{n}": [f"d{(n + 1) % 10}", f"d{(n + 2) % 10}"] for n in range(10)}
"""Lists of the dataset `tiny`: the relevant document first, or not at all."""


def somebody(workspace: Workspace, name: str, role: Role = Role.VIEWER) -> Person:
    """Somebody with an account, who has no password."""
    account = Account(f"id-{name}", name, None, False, datetime(2026, 1, 5), None, {MAIN: role})
    store.add(workspace.database, account)
    return person_of(account, Way.PASSWORD)


def ended(
    workspace: Workspace, *, name: str = "look", failed: tuple[str, ...] = (), wrong: str = "worse"
) -> ExperimentRow:
    """A finished experiment: `best` is right in every query, the other in none."""
    lists = {
        variant: {query: found for query, found in lists.items() if query not in failed}
        for variant, lists in {"best": RIGHT, wrong: WRONG}.items()
    }
    spec = finished(workspace, "tiny", lists, list(failed), name)
    return lifecycle.find(workspace, spec.id)
