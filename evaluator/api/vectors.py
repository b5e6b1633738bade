"""REST routes of vectors at rest: list, prune."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from evaluator.api.bodies import VectorsToDrop
from evaluator.api.handling import ApiRoute, route
from evaluator.domain.access import Action
from evaluator.operations.vector_storage import prune, vectors, vectors_record
from evaluator.workspace.workspace import Workspace


def vector_routes() -> list[ApiRoute]:
    """All routes of vectors."""
    return [
        route("/api/vectors", _list, together=True, needs=Action.OPERATE),
        route("/api/vectors/prune", _prune, "POST", body=VectorsToDrop, needs=Action.OPERATE),
    ]


def _list(workspace: Workspace, _request: Request) -> Any:
    """List what is kept of each encoder, the one used last first."""
    return [vectors_record(row) for row in vectors(workspace)]


def _prune(workspace: Workspace, _request: Request, body: VectorsToDrop) -> Any:
    """Drop vectors, and list what was dropped."""
    return [vectors_record(row) for row in prune(workspace, body.limit, body.encoders or [])]
