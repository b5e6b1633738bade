"""REST routes: health, metrics, datasets, experiments. JSON in, JSON out; errors carry one message."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evaluator import __version__
from evaluator.domain.experiment import Experiment
from evaluator.errors import EvaluatorError, InvalidInputError, UnknownNameError
from evaluator.services import datasets, experiments
from evaluator.services.demo import DEMO_EXPERIMENT
from evaluator.services.experiment_file import MAX_BYTES, parse_experiment
from evaluator.services.leaderboard import leaderboard
from evaluator.services.metrics import Readiness, monitor
from evaluator.services.plan import plan
from evaluator.services.progress import progress_reader
from evaluator.services.records import dataset_record, experiment_record, leaderboard_record, plan_record
from evaluator.services.workspace import Workspace, serving
from evaluator.store.catalog import ExperimentRow

JSON_TYPE = "application/json"


def routes() -> list[Route]:
    """All routes of the API."""
    return [
        _route("/api/health", _health),
        Route("/api/health/live", _live),
        _route("/api/health/ready", _ready),
        _route("/api/metrics", _metrics),
        _route("/api/datasets", _datasets),
        _route("/api/experiments", _experiments),
        _route("/api/experiments", _submit, "POST"),
        _route("/api/experiments/plan", _plan, "POST"),
        _route("/api/experiments/{id}", _progress),
        _route("/api/experiments/{id}/leaderboard", _leaderboard),
        _route("/api/experiments/{id}/cancel", _cancel, "POST"),
        _route("/api/experiments/{id}/resume", _resume, "POST"),
        _route("/api/demo", _demo, "POST"),
    ]


Handler = Callable[[Workspace, Request, bytes], Any]


def _route(path: str, handler: Handler, method: str = "GET") -> Route:
    async def endpoint(request: Request) -> Response:
        if method == "POST" and not request.headers.get("content-type", "").startswith(JSON_TYPE):
            # A page elsewhere cannot send this type without asking first, so it cannot start experiments.
            return _error(415, f"send the header content-type: {JSON_TYPE}")
        if int(request.headers.get("content-length") or 0) > MAX_BYTES:
            return _error(413, f"the request is larger than {MAX_BYTES} bytes")
        body = await request.body()
        try:
            answer = await run_in_threadpool(handler, serving(), request, body)
        except UnknownNameError as error:
            return _error(404, str(error))
        except InvalidInputError as error:
            return _error(422, str(error))
        except EvaluatorError as error:
            return _error(503, str(error))
        if isinstance(answer, Response):
            return answer
        return Response(json.dumps(answer, default=str), media_type=JSON_TYPE)

    return Route(path, endpoint, methods=[method])


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)


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
    return {"ready": readiness.ready, "reasons": readiness.reasons, "workers": readiness.workers}


def _metrics(workspace: Workspace, request: Request, _body: bytes) -> Any:
    text, content_type = monitor(workspace).exposition(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})


def _datasets(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    return [dataset_record(row) for row in datasets.all_datasets(workspace)]


def _experiments(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    return [experiment_record(row) for row in experiments.all_experiments(workspace)]


def _submit(workspace: Workspace, _request: Request, body: bytes) -> Any:
    """Start an experiment: `{"yaml": "..."}`. Datasets by name only: no path from outside."""
    return dataclasses.asdict(experiments.submit(workspace, _described(body)))


def _plan(workspace: Workspace, _request: Request, body: bytes) -> Any:
    """What starting an experiment would take, from what starts it."""
    return plan_record(plan(workspace, _described(body)))


def _described(body: bytes) -> Experiment:
    try:
        text = json.loads(body)["yaml"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError('send {"yaml": "<an experiment file\'s text>"}') from error
    return parse_experiment(str(text), "experiment")


def _demo(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    return dataclasses.asdict(experiments.submit(workspace, parse_experiment(DEMO_EXPERIMENT, "demo")))


def _cancel(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = _experiment(workspace, request)
    experiments.cancel(workspace, row)
    return experiment_record(experiments.find(workspace, row.id))


def _resume(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return dataclasses.asdict(experiments.resume(workspace, _experiment(workspace, request)))


def _experiment(workspace: Workspace, request: Request) -> ExperimentRow:
    """The experiment that the path names; `last` is the last submitted."""
    reference = request.path_params["id"]
    return experiments.find(workspace, None if reference == "last" else reference)


def _progress(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = _experiment(workspace, request)
    return dataclasses.asdict(progress_reader(workspace).read(row.id))


def _leaderboard(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = _experiment(workspace, request)
    return leaderboard_record(leaderboard(workspace, row, request.query_params.get("measure")))
