"""rq-dashboard, served at /queue: read-only, because it has neither accounts nor protection against forged posts."""

from __future__ import annotations

from a2wsgi import WSGIMiddleware
from flask import Flask
from rq.serializers import JSONSerializer
from rq_dashboard import default_settings
from rq_dashboard.web import blueprint, config, setup_rq_connection
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route

from evaluator.jobs.connection import ANSWER_TIMEOUT
from evaluator.settings import Settings

PREFIX = "/queue"


def dashboard(settings: Settings) -> list[BaseRoute]:
    """The dashboard's routes: with a slash at the end, because its pages link relatively, and to there from without."""
    config.serializer = JSONSerializer
    url = settings.queue_url
    # The dashboard looks for its files under the application's folder as well as its own.
    flask = Flask("queue", static_folder=blueprint.static_folder)
    flask.config.from_object(default_settings)
    flask.config.update(
        RQ_DASHBOARD_REDIS_URL=f"{url}{'&' if '?' in url else '?'}socket_timeout={ANSWER_TIMEOUT:.0f}",
        RQ_DASHBOARD_DISABLE_DELETE=True,
    )
    setup_rq_connection(flask)
    flask.register_blueprint(blueprint)

    @flask.before_request
    def read_only() -> tuple[str, int] | None:
        from flask import request  # noqa: PLC0415  flask's own name for it is too general above

        if request.method not in {"GET", "HEAD"} or request.path.startswith("/requeue/"):
            return "the dashboard is read-only here; use the Experiments page\n", 405
        return None

    return [
        Route(PREFIX, lambda _request: RedirectResponse(f"{PREFIX}/")),
        Mount(PREFIX, app=WSGIMiddleware(flask)),
    ]
