"""rq-dashboard, served at /queue: read-only, because it has neither accounts nor protection against forged requests.

It shows text written by workers and by anyone who can write to the queue. So nothing is unpickled, everything printed
is escaped, and its pages run only their own scripts.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask, Response, current_app, g
from jinja2 import BaseLoader, Environment
from redis.exceptions import RedisError, ResponseError
from rq import serializers
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.serializers import JSONSerializer
from rq_dashboard import default_settings, web
from rq_dashboard.web import blueprint, config, setup_rq_connection
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route

from evaluator.jobs.connection import connect
from evaluator.settings import Settings
from evaluator.urls import without_secrets
from evaluator.workspace.server_paths import without_paths

PREFIX = "/queue"
CONNECTION = "EVALUATOR_QUEUE"
"""The configuration key of the application's connection."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only scripts with this answer's nonce run: no handlers in attributes, no inserted scripts. The dashboard's own
scripts compile its templates (underscore), which needs `unsafe-eval`; its pages hide buttons by style attributes."""

ALREADY_ESCAPED = re.compile(r"\$\('<div/>'\)\.text\(([\w.]+)\)\.html\(\)")
OWN_SCRIPT = re.compile(r'<script(?= (?:src=|type="text/javascript"))')
IN_QUOTES = re.compile(r"'\{\{ ([\w.]+) \}\}'")

STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (NoSuchJobError, 404, "there is no such job"),
    (DeserializationError, 422, "a job's data is not JSON, so no worker of this evaluator wrote it"),
    (ResponseError, 422, "the queue takes no such number"),
    (RedisError, 503, "the queue does not answer"),
    (LookupError, 404, "there is no such page"),
    (UnboundLocalError, 404, "there is no such registry"),
    (ArithmeticError, 422, "not a number of jobs a page"),
    (ValueError, 422, "a number, or a job's record, cannot be read"),
)
"""Errors that the dashboard does not handle, and their status; the first match applies."""


class _Escaped(BaseLoader):
    """The dashboard's templates, with all printed text escaped, and with a nonce on their own scripts."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, current = self._inner.get_source(environment, template)
        return hardened(source), filename, current


def hardened(source: str) -> str:
    """A template of the dashboard that prints no text as markup or script.

    In the browser (underscore) `<%=` prints as it is and `<%-` escapes; on the server (Jinja) a value between a
    script's quotes becomes a JSON string.
    """
    source = ALREADY_ESCAPED.sub(r"\1", source).replace("<%=", "<%-")
    source = IN_QUOTES.sub(r"{{ \1|tojson }}", source)
    return OWN_SCRIPT.sub('<script nonce="{{ nonce }}"', source)


def dashboard(settings: Settings) -> list[BaseRoute]:
    """The dashboard's routes: with a final slash, because its pages use relative links, and a redirect from without.

    Raises:
        InvalidInputError, QueueUnavailableError: as for `connect`.
    """
    return [
        Route(PREFIX, lambda _request: RedirectResponse(settings.at(f"{PREFIX}/"))),
        Mount(PREFIX, app=WSGIMiddleware(_application(settings))),
    ]


def _application(settings: Settings) -> Flask:
    # The dashboard reads some objects (a job's page, all workers) without a serializer, and RQ then unpickles them,
    # which can run any code. Nothing in this process needs pickles, so RQ cannot unpickle at all.
    serializers.PickleSerializer = JSONSerializer
    config.serializer = JSONSerializer
    # It would open a connection for each answer, without checking whose queue it is (`evaluator.jobs.socket_folder`).
    web.from_url = lambda *_given, **_options: (None, current_app.config[CONNECTION])
    # The dashboard looks for its files under the application's folder as well as its own.
    flask = Flask("queue", static_folder=blueprint.static_folder)
    flask.config.from_object(default_settings)
    flask.config.update(
        {
            CONNECTION: connect(settings, attempts=1),
            "RQ_DASHBOARD_REDIS_URL": settings.shown_queue,
            "RQ_DASHBOARD_DISABLE_DELETE": True,
        }
    )
    # It shows the path of an embedded queue's socket.
    web.escape_format_instance_list = lambda _urls: [without_paths(settings.shown_queue)]
    with flask.app_context():
        setup_rq_connection(flask)
    flask.register_blueprint(blueprint)
    loader = flask.jinja_env.loader
    assert loader is not None  # noqa: S101  flask sets one
    flask.jinja_env.loader = _Escaped(loader)
    flask.jinja_env.autoescape = True  # Flask would not escape `.js` templates, though they print names
    flask.before_request(_read_only)
    flask.after_request(_protected)
    flask.context_processor(lambda: {"nonce": _nonce()})
    for kind, status, message in STATUSES:
        flask.register_error_handler(kind, _refusal(status, message))
    return flask


def _read_only() -> tuple[str, int] | None:
    from flask import request  # noqa: PLC0415  flask's own name for it is too general above

    if request.method not in {"GET", "HEAD"} or request.path.startswith("/requeue/"):
        return "the dashboard is read-only here; use the Experiments page\n", 405
    return None


def _nonce() -> str:
    """The nonce of the current answer."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _protected(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_POLICY.format(nonce=_nonce())
    if not response.direct_passthrough:  # a job's exception may quote a secret
        response.set_data(without_secrets(response.get_data(as_text=True)))
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _refusal(status: int, message: str) -> Callable[[Any], Response]:
    return lambda _error: Response(f"{message}\n", status=status, mimetype="text/plain")
