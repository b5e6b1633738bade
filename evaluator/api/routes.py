"""REST routes: health, metrics, datasets, experiments. JSON in, JSON out; errors carry one message."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from evaluator import __version__
from evaluator.api.datasets import dataset_routes
from evaluator.api.dead_letters import dead_letter_routes
from evaluator.api.exports import export_routes
from evaluator.api.handling import addressed_experiment, json_object, refusal, route
from evaluator.api.uploads import upload_routes
from evaluator.api.vectors import vector_routes
from evaluator.domain.experiment import Experiment
from evaluator.errors import InvalidInputError
from evaluator.services import experiments
from evaluator.services.demo import DEMO_EXPERIMENT
from evaluator.services.experiment_file import parse_experiment
from evaluator.services.leaderboard import leaderboard
from evaluator.services.metrics import Readiness, monitor
from evaluator.services.plan import plan
from evaluator.services.progress import progress_reader
from evaluator.services.records import experiment_record, leaderboard_record, plan_record
from evaluator.services.workspace import Workspace

PATIENCE = 10.0
"""Seconds that an answer waits for a plan; a longer one goes on in the background, and progress says how far it is."""


EXPERIMENT = '{"yaml": "<an experiment file\'s text>"}'

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Anything(PathConvertor):
    """A path's rest, line breaks among it: else such a path would be none of the API's, and a page would answer."""

    regex = "(?s:.*)"


register_url_convertor("any", _Anything())


def routes() -> list[Route]:
    """All routes of the API; the last answers for what there is not, as the pages would else do, in HTML."""
    known = _known_routes()
    return [*known, *(Route(path, _unknown(known), methods=METHODS) for path in ("/api", "/api/{rest:any}"))]


def _unknown(known: Sequence[Route]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        others = (route for route in known if route.matches(request.scope)[0] is Match.PARTIAL)
        methods = sorted({method for route in others for method in route.methods or ()})
        if not methods:
            return refusal(404, f"there is no {request.url.path}")
        answer = refusal(405, f"{request.url.path} takes {', '.join(methods)}, not {request.method}")
        answer.headers["Allow"] = ", ".join(methods)
        return answer

    return endpoint


def _known_routes() -> list[Route]:
    return [
        route("/api/health", _health),
        Route("/api/health/live", _live),
        route("/api/health/ready", _ready),
        route("/api/metrics", _metrics),
        *dataset_routes(),
        route("/api/experiments", _experiments),
        route("/api/experiments", _submit, "POST"),
        route("/api/experiments/plan", _plan, "POST"),
        route("/api/experiments/{id}", _progress),
        route("/api/experiments/{id}", _delete, "DELETE"),
        route("/api/experiments/{id}/leaderboard", _leaderboard),
        route("/api/experiments/{id}/cancel", _cancel, "POST"),
        route("/api/experiments/{id}/resume", _resume, "POST"),
        *export_routes(),
        route("/api/demo", _demo, "POST"),
        *upload_routes(),
        *vector_routes(),
        *dead_letter_routes(),
    ]


def _health(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    """Both in one, for people and for whoever started the server."""
    readiness = monitor(workspace).readiness()
    trouble = "; ".join(readiness.reasons) or None
    return {"live": True, **_readiness_record(readiness), "trouble": trouble, "version": __version__}


async def _live(_request: Request) -> Response:
    """Whether the process answers: no thread, no queue and no database is asked."""
    return JSONResponse({"live": True, "version": __version__})


def _ready(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    readiness = monitor(workspace).readiness()
    return JSONResponse(_readiness_record(readiness), status_code=200 if readiness.ready else 503)


def _readiness_record(readiness: Readiness) -> dict[str, Any]:
    return {
        "ready": readiness.ready,
        "reasons": readiness.reasons,
        "warnings": readiness.warnings,
        "workers": readiness.workers,
    }


def _metrics(workspace: Workspace, request: Request, _body: bytes) -> Any:
    text, content_type = monitor(workspace).exposition(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})


def _experiments(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    return [experiment_record(row) for row in experiments.all_experiments(workspace)]


def _submit(workspace: Workspace, _request: Request, body: bytes) -> Any:
    """Start an experiment: `{"yaml": "..."}`. Datasets by name only: no path from outside."""
    return dataclasses.asdict(experiments.submit(workspace, _described(body), patience=PATIENCE))


def _plan(workspace: Workspace, _request: Request, body: bytes) -> Any:
    """What starting an experiment would take, from what starts it."""
    return plan_record(plan(workspace, _described(body)))


def _described(body: bytes) -> Experiment:
    text = json_object(body, EXPERIMENT).get("yaml")
    if not isinstance(text, str):
        raise InvalidInputError(f"send {EXPERIMENT}")
    return parse_experiment(text, "experiment")


def _demo(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    described = parse_experiment(DEMO_EXPERIMENT, "demo")
    return dataclasses.asdict(experiments.submit(workspace, described, patience=PATIENCE))


def _cancel(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = addressed_experiment(workspace, request, beginnings=False)
    experiments.cancel(workspace, row)
    return experiment_record(experiments.find(workspace, row.id))


def _delete(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = addressed_experiment(workspace, request, beginnings=False, last=False)
    experiments.delete(workspace, row)
    return {"deleted": row.id}


def _resume(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = addressed_experiment(workspace, request)
    return dataclasses.asdict(experiments.resume(workspace, row, patience=PATIENCE))


def _progress(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = addressed_experiment(workspace, request)
    return dataclasses.asdict(progress_reader(workspace).read(row.id))


def _leaderboard(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = addressed_experiment(workspace, request)
    asked = request.query_params
    board = leaderboard(workspace, row, asked.get("measure") or None, baseline=asked.get("baseline") or None)
    return leaderboard_record(board)
