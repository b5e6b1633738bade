"""REST routes of dead letters: list, drop."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from evaluator.api.handling import ApiRoute, route
from evaluator.domain.access import Action
from evaluator.operations.dead_letters import (
    count_dead_letters,
    dead_letters,
    dead_letters_record,
    drop_dead_letters,
)
from evaluator.workspace.workspace import Workspace


def dead_letter_routes() -> list[ApiRoute]:
    """All routes of dead letters."""
    return [
        route("/api/dead-letters", _list, needs=Action.OPERATE),
        route("/api/dead-letters", _drop, "DELETE", needs=Action.OPERATE),
    ]


def _list(workspace: Workspace, _request: Request) -> Any:
    """List results that could not be recorded."""
    return dead_letters_record(count_dead_letters(workspace), dead_letters(workspace))


def _drop(workspace: Workspace, _request: Request) -> Any:
    """Forget results that could not be recorded."""
    return {"dropped": drop_dead_letters(workspace)}
