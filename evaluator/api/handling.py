"""How every route answers: JSON in, JSON out, an error as one message, and nothing for pages from elsewhere."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evaluator.errors import (
    AmbiguousNameError,
    ConflictError,
    EvaluatorError,
    InvalidInputError,
    TooLargeError,
    UnknownNameError,
)
from evaluator.services import experiments
from evaluator.services.workspace import Workspace, serving
from evaluator.store.catalog import ExperimentRow

JSON_TYPE = "application/json"

MAX_BYTES = 1 << 20
"""Of a request's body, in bytes: an experiment file or a reading; files have a route of their own."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

Handler = Callable[[Workspace, Request, bytes], Any]

STATUSES: tuple[tuple[type[EvaluatorError], int], ...] = (
    (UnknownNameError, 404),
    (ConflictError, 409),
    (AmbiguousNameError, 409),
    (TooLargeError, 413),
    (InvalidInputError, 422),
    (EvaluatorError, 503),
)
"""The first that fits."""


def route(path: str, handler: Handler, method: str = "GET") -> Route:
    """A route whose handler runs in a thread; what it returns is sent as JSON, unless it is a response already."""

    async def endpoint(request: Request) -> Response:
        if method != "GET" and not request.headers.get("content-type", "").startswith(JSON_TYPE):
            # A page elsewhere cannot send this type without asking first, so it cannot change anything.
            return refusal(415, f"send the header content-type: {JSON_TYPE}")
        try:
            body = await _body(request)
            answer = await run_in_threadpool(handler, serving(), request, body)
        except EvaluatorError as error:
            return failure(error)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return refusal(507, "the server's disk is full; make room there")
        if isinstance(answer, Response):
            return answer
        return Response(json.dumps(answer, default=str), media_type=JSON_TYPE)

    return Route(path, endpoint, methods=[method])


LAST = "last"
"""Stands for the last submitted experiment in a path; one that is called that is reached by its id."""


def addressed_experiment(
    workspace: Workspace, request: Request, *, beginnings: bool = True, last: bool = True
) -> ExperimentRow:
    """The experiment that the path names by its id or name; `last` is the last submitted.

    Args:
        beginnings: whether the beginning of an id will do.
        last: whether `last` will do.

    Raises:
        AmbiguousNameError: several could be meant; lists them.
        UnknownNameError: there is none of that name or id.
    """
    reference = request.path_params["id"]
    if reference != LAST:
        return experiments.find(workspace, reference, beginnings=beginnings)
    if not last:
        raise InvalidInputError(f"{LAST!r} names no experiment here; give an id or a name")
    return experiments.find(workspace)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise TooLargeError(f"the request is larger than the {MAX_BYTES:,} bytes that are taken")
    return bytes(body)


def failure(error: EvaluatorError) -> Response:
    """The answer to a request that failed."""
    return refusal(next(status for kind, status in STATUSES if isinstance(error, kind)), str(error))


def refusal(status: int, message: str) -> Response:
    """An answer that says in one message why there is no other."""
    return JSONResponse({"error": message}, status_code=status)


def json_object(body: bytes, expected: str) -> dict[str, Any]:
    """The JSON object of a request's body.

    Args:
        expected: what it should look like, for the message.

    Raises:
        InvalidInputError: it is something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:  # the latter: thousands of brackets within brackets
        raise InvalidInputError(f"the body is not JSON ({error}); send {expected}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"send {expected}")
    return value
