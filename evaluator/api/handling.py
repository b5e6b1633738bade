"""Common handling of all routes: JSON in, JSON out, errors as one message, requests from other sites refused."""

from __future__ import annotations

import asyncio
import errno
import inspect
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evaluator.api.bodies import Body, read_body
from evaluator.api.sharing import Together
from evaluator.domain.access import Action
from evaluator.domain.records import ExperimentRow
from evaluator.errors import (
    AmbiguousNameError,
    ConflictError,
    EvaluatorError,
    ForbiddenError,
    InvalidInputError,
    LookingUpError,
    QuotaReachedError,
    SignedOutError,
    TooLargeError,
    TooManyError,
    TooSlowError,
    UnknownNameError,
)
from evaluator.experiments import lifecycle
from evaluator.workspace.acting import acting, project, require
from evaluator.workspace.memory import Kind
from evaluator.workspace.server_paths import without_paths
from evaluator.workspace.workspace import Workspace, serving

JSON_TYPE = "application/json"

NO_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-downloads"
"""Content security policy of files such as a report: the browser displays them without running scripts."""

MAX_BYTES = 1 << 20
"""The most bytes of a request's body, such as an experiment file or a reading; uploaded files have their own route."""

BODY_PATIENCE = 60.0
"""Seconds for a request's body to arrive completely."""

RETRY_AFTER = 5
"""Seconds after which a client may repeat a request whose model was still being looked up."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

Handler = Callable[..., Any]
"""Runs in one of the few threads that all requests share, so it must not wait; a handler that has to wait is a
coroutine function."""

Endpoint = Callable[[Request], Awaitable[Response]]

T = TypeVar("T")

STATUSES: tuple[tuple[type[EvaluatorError], int], ...] = (
    (SignedOutError, 401),
    (ForbiddenError, 403),
    (UnknownNameError, 404),
    (ConflictError, 409),
    (AmbiguousNameError, 409),
    (TooLargeError, 413),
    (TooSlowError, 408),
    (InvalidInputError, 422),
    (TooManyError, 429),
    (QuotaReachedError, 507),
    (EvaluatorError, 503),
)
"""HTTP statuses of errors; the first match applies."""


class Question(NamedTuple):
    """What identifies a request to its handler: the path, not the URL, because two paths can have the same URL."""

    workspace: Workspace
    path: str
    query: bytes
    accept: str
    project: str
    seen: frozenset[str] | None
    """The projects that the asker may see; None for all, and then an answer may tell more."""

    @property
    def size(self) -> int:
        """The most bytes it takes in memory; the client decides how many."""
        return 4 * (len(self.path) + len(self.accept)) + len(self.query)


class KeptAnswer(NamedTuple):
    """A handler's answer; each request gets a response of its own, because middleware changes headers."""

    question: Question
    content: bytes
    status: int
    headers: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, including its question, which may be much longer than the answer."""
        return ANSWER_BYTES + self.question.size + len(self.content)


ANSWER_BYTES = 2000
"""Bytes of memory for an answer's headers and its cache entry."""

TOGETHER: Together[KeptAnswer] = Together()
ANSWERS: Kind = Kind("answers", 32_000_000, lambda kept: kept.size)
"""Answers for each state of the database, by question."""


class ApiRoute(Route):
    """A route, with its part of the OpenAPI document.

    Args:
        summary: one sentence on what the route does.
        body: the model of its JSON body, if it takes one.
        query: names of its query parameters.
        headers: names of required headers.
        takes_file: whether the body is a file's bytes.
        media: the content types of its answer.
        needs: the action that it takes, checked before the body is read and before anything is looked up; services
            check again what they do. None for everybody.
    """

    def __init__(
        self,
        path: str,
        endpoint: Endpoint,
        method: str = "GET",
        *,
        summary: str,
        body: type[Body] | None = None,
        query: Sequence[str] = (),
        headers: Sequence[str] = (),
        takes_file: bool = False,
        media: Sequence[str] = (JSON_TYPE,),
        needs: Action | None = Action.SEE,
    ) -> None:
        super().__init__(path, _permitted(endpoint, needs), methods=[method])
        self.method, self.summary, self.body, self.query = method, summary, body, query
        self.headers, self.takes_file, self.media, self.needs = headers, takes_file, media, needs


def _permitted(endpoint: Endpoint, needs: Action | None) -> Endpoint:
    if needs is None:
        return endpoint

    async def permitted(request: Request) -> Response:
        try:
            require(needs)
        except EvaluatorError as error:
            return failure(error)
        return await endpoint(request)

    return permitted


def route(
    path: str,
    handler: Handler,
    method: str = "GET",
    *,
    body: type[Body] | None = None,
    query: Sequence[str] = (),
    media: Sequence[str] = (JSON_TYPE,),
    needs: Action | None = Action.SEE,
    together: bool = False,
    of_state: bool = False,
) -> ApiRoute:
    """A route; its handler's result is sent as JSON, unless it is already a response.

    Args:
        handler: called with the workspace, the request, and the body if the route takes one. The first sentence of its
            docstring is the route's summary.
        body: the model of the JSON body that the handler takes, if any.
        query: names of the handler's query parameters.
        media: the content types of the answer.
        needs: the action that it takes; None for everybody.
        together: whether simultaneous requests with the same question share one answer, computed after all of them
            arrived.
        of_state: whether the answer depends only on the database's state and the request's path and query; it is
            cached until the next state.
    """

    def arguments(content: bytes, request: Request) -> tuple[object, ...]:
        return (serving(), request, *([] if body is None else [read_body(body, content)]))

    async def endpoint(request: Request) -> Response:
        if method != "GET" and not request.headers.get("content-type", "").startswith(JSON_TYPE):
            # A page of another site needs permission to send this type, so it cannot change anything.
            return refusal(415, f"send the header content-type: {JSON_TYPE}")
        try:
            content = await _body(request)
            if inspect.iscoroutinefunction(handler):
                return _response(await handler(*await run_in_threadpool(arguments, content, request)))
            if together:
                kept: KeptAnswer = await TOGETHER.ask(
                    _question(request), lambda: run_in_threadpool(_computed, handler, request)
                )
                return Response(kept.content, kept.status, kept.headers)
            if of_state:
                known = _cached(request)
                kept = known if known is not None else await run_in_threadpool(_of_state, handler, request)
                return Response(kept.content, kept.status, kept.headers)
            return await run_in_threadpool(lambda: _response(handler(*arguments(content, request))))
        except EvaluatorError as error:
            return failure(error)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return refusal(507, "the server's disk is full; make room there")

    summary = (inspect.getdoc(handler) or "").partition("\n\n")[0].replace("\n", " ")
    return ApiRoute(path, endpoint, method, summary=summary, body=body, query=query, media=media, needs=needs)


def _response(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    return Response(json.dumps(answer, default=str), media_type=JSON_TYPE)


def _question(request: Request) -> Question:
    scope = request.scope
    accept = request.headers.get("accept", "")
    return Question(serving(), scope["path"], scope["query_string"], accept, project(), acting().projects)


def _computed(handler: Handler, request: Request) -> KeptAnswer:
    question = _question(request)
    answer = _response(handler(question.workspace, request))
    return KeptAnswer(question, bytes(answer.body), answer.status_code, dict(answer.headers))


def _cached(request: Request) -> KeptAnswer | None:
    """The cached answer to a request, if any; needs no thread."""
    workspace = serving()
    state = workspace.database.states.now
    return None if state is None else workspace.memory.known(ANSWERS, (state, _question(request)))


def _of_state(handler: Handler, request: Request) -> KeptAnswer:
    workspace = serving()
    state = workspace.database.states.now
    if state is None:  # it is changing at this moment
        return _computed(handler, request)
    # If the state changes meanwhile, the answer is newer than its key says, never older.
    return workspace.memory.get(ANSWERS, (state, _question(request)), lambda: _computed(handler, request))


async def when_looked_up(act: Callable[[], T], patience: float) -> T:
    """The result of `act`, which is called again each time that a model it needs has been looked up.

    Args:
        act: called in a thread; it must not wait for look-ups.
        patience: seconds to wait for look-ups in all.

    Raises:
        LookingUpError: the look-ups take longer.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return await run_in_threadpool(act)
        except LookingUpError as error:
            remaining = until - time.monotonic()
            if remaining <= 0 or not await ended(error.progress, remaining):
                raise


async def ended(future: Future[Any], patience: float) -> bool:
    """Wait for a future of another thread, without blocking a thread; returns whether it has ended.

    Args:
        patience: seconds to wait.
    """
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the server has stopped in the meantime
            loop.call_soon_threadsafe(event.set)

    future.add_done_callback(tell)
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), patience)
    return future.done()


LAST = "last"
"""Means the last submitted experiment in a path; an experiment with this name is reached by its id."""


def addressed_experiment(
    workspace: Workspace, request: Request, *, beginnings: bool = True, last: bool = True
) -> ExperimentRow:
    """The experiment that the path names by its id or name; `last` is the last submitted.

    Args:
        beginnings: whether the beginning of an id is allowed.
        last: whether `last` is allowed.

    Raises:
        AmbiguousNameError: several match; lists them.
        UnknownNameError: there is no experiment with this name or id.
    """
    reference = request.path_params["id"]
    if reference != LAST:
        return lifecycle.find(workspace, reference, beginnings=beginnings)
    if not last:
        raise InvalidInputError(f"{LAST!r} names no experiment here; give an id or a name")
    return lifecycle.find(workspace)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async with in_time():
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise TooLargeError(f"the request is larger than the {MAX_BYTES:,} bytes that are taken")
    return bytes(body)


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Limit the time for reading a request's body.

    Raises:
        TooSlowError: it takes too long.
    """
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            yield
    except TimeoutError as error:
        raise TooSlowError(
            f"the request was not whole after {BODY_PATIENCE:.0f} seconds; send it again"
        ) from error


def file_headers(name: str, disposition: str = "attachment") -> dict[str, str]:
    """The headers of a file.

    Args:
        name: its name (see `file_name`).
        disposition: `attachment` if the browser saves the file, `inline` if it shows it.
    """
    return {
        "content-disposition": f"{disposition}; filename*=utf-8''{quote(name, safe='')}",
        "content-security-policy": NO_SCRIPT,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }


def failure(error: EvaluatorError) -> Response:
    """The answer to a request that failed."""
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    answer = refusal(status, without_paths(str(error)))
    if isinstance(error, LookingUpError):
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def refusal(status: int, message: str) -> Response:
    """The answer to a refused request: a status and one message."""
    return JSONResponse({"error": message}, status_code=status)
