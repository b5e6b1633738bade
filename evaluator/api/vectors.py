"""REST routes of vectors at rest: list, prune."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from evaluator.api.handling import json_object, route
from evaluator.errors import InvalidInputError
from evaluator.operations.vector_storage import prune, vectors, vectors_record
from evaluator.workspace.workspace import Workspace

EXPECTED = '{"limit": bytes or null, "encoders": ["..."]}, each of them optional'


def vector_routes() -> list[Route]:
    """All routes of vectors."""
    return [route("/api/vectors", _list, together=True), route("/api/vectors/prune", _prune, "POST")]


def _list(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    return [vectors_record(row) for row in vectors(workspace)]


def _prune(workspace: Workspace, _request: Request, body: bytes) -> Any:
    asked = json_object(body, EXPECTED)
    limit, encoders = asked.get("limit"), asked.get("encoders") or []
    valid_limit = limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0)
    if not valid_limit or not isinstance(encoders, list) or not all(isinstance(e, str) for e in encoders):
        raise InvalidInputError(f"send {EXPECTED}")
    return [vectors_record(row) for row in prune(workspace, limit, encoders)]
