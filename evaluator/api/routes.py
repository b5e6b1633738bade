"""REST routes: health, metrics, datasets, experiments. JSON in, JSON out; an error has one message."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from evaluator import __version__
from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
from evaluator.api.bodies import ExperimentFile
from evaluator.api.datasets import dataset_routes
from evaluator.api.dead_letters import dead_letter_routes
from evaluator.api.exports import export_routes
from evaluator.api.handling import (
    ApiRoute,
    addressed_experiment,
    ended,
    refusal,
    route,
    when_looked_up,
)
from evaluator.api.openapi import openapi_document
from evaluator.api.people.routes import people_routes
from evaluator.api.people.share_links import share_link_routes
from evaluator.api.teamwork.routes import teamwork_routes
from evaluator.api.uploads import upload_routes
from evaluator.api.vectors import vector_routes
from evaluator.domain.access import Action
from evaluator.domain.experiment import Experiment
from evaluator.experiments import lifecycle
from evaluator.experiments.demo import DEMO_EXPERIMENT
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.overview import failures_record
from evaluator.experiments.plan import plan
from evaluator.experiments.progress import progress_reader
from evaluator.experiments.records import experiment_record, plan_record
from evaluator.operations.monitoring import Readiness, monitor
from evaluator.workspace.workspace import Workspace

PATIENCE = 10.0
"""Seconds that an answer waits for model look-ups, and again for planning. Both continue in the background; the
experiment's progress shows how far planning is."""

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Anything(PathConvertor):
    """The rest of a path, including line breaks: otherwise a page would answer such a path of the API."""

    regex = "(?s:.*)"


register_url_convertor("any", _Anything())


def routes() -> list[Route]:
    """All routes of the API; the last ones answer unknown paths in JSON, which pages would otherwise answer in HTML."""
    known_routes = _known_routes()
    return [
        *known_routes,
        *(Route(path, _unknown(known_routes), methods=METHODS) for path in ("/api", "/api/{rest:any}")),
    ]


def _unknown(known_routes: Sequence[Route]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        others = (route for route in known_routes if route.matches(request.scope)[0] is Match.PARTIAL)
        methods = sorted({method for route in others for method in route.methods or ()})
        if not methods:
            return refusal(404, f"there is no {request.url.path}")
        answer = refusal(405, f"{request.url.path} takes {', '.join(methods)}, not {request.method}")
        answer.headers["Allow"] = ", ".join(methods)
        return answer

    return endpoint


def _known_routes() -> list[ApiRoute]:
    def openapi(_workspace: Workspace, _request: Request) -> Any:
        """Describe all routes, as OpenAPI 3.1."""
        return openapi_document(known_routes)

    known_routes = [
        route("/api/openapi.json", openapi),
        route("/api/health", _health, together=True),
        ApiRoute("/api/health/live", _live, summary="Tell whether the process answers.", needs=None),
        route("/api/health/ready", _ready, together=True),
        route("/api/metrics", _metrics, together=True, media=("text/plain", "application/openmetrics-text")),
        *dataset_routes(),
        route("/api/experiments", _experiments, query=("judgments",), of_state=True),
        route("/api/experiments", _submit, "POST", body=ExperimentFile, needs=Action.RUN),
        route("/api/experiments/plan", _plan, "POST", body=ExperimentFile),
        route("/api/experiments/{id}", _progress),
        route("/api/experiments/{id}", _delete, "DELETE", needs=Action.RUN),
        route(
            "/api/experiments/{id}/leaderboard", _leaderboard, query=("measure", "baseline"), of_state=True
        ),
        route("/api/experiments/{id}/failures", _failures),
        route("/api/experiments/{id}/cancel", _cancel, "POST", needs=Action.RUN),
        route("/api/experiments/{id}/resume", _resume, "POST", needs=Action.RUN),
        *export_routes(),
        route("/api/demo", _demo, "POST", needs=Action.EDIT),
        *upload_routes(),
        *vector_routes(),
        *dead_letter_routes(),
        *people_routes(),
        *share_link_routes(),
        *teamwork_routes(),
    ]
    return known_routes


def _health(workspace: Workspace, _request: Request) -> Any:
    """Tell whether the server is alive and ready, and its version."""
    readiness = monitor(workspace).readiness()
    trouble = "; ".join(readiness.reasons) or None
    return {"live": True, **_readiness_record(readiness), "trouble": trouble, "version": __version__}


async def _live(_request: Request) -> Response:
    """Whether the process answers, without using a thread, the queue or the database."""
    return JSONResponse({"live": True, "version": __version__})


def _ready(workspace: Workspace, _request: Request) -> Any:
    """Tell whether the server can do its work, and why not (503)."""
    readiness = monitor(workspace).readiness()
    return JSONResponse(_readiness_record(readiness), status_code=200 if readiness.ready else 503)


def _readiness_record(readiness: Readiness) -> dict[str, Any]:
    return {
        "ready": readiness.ready,
        "reasons": readiness.reasons,
        "warnings": readiness.warnings,
        "workers": readiness.workers,
    }


def _metrics(workspace: Workspace, request: Request) -> Any:
    """Show metrics for Prometheus."""
    text, content_type = monitor(workspace).exposition(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})


def _experiments(workspace: Workspace, request: Request) -> Any:
    """List experiments; with `judgments=all` also those scored by older judgments."""
    every = request.query_params.get("judgments") == "all"
    rows = lifecycle.all_experiments(workspace) if every else lifecycle.listed(workspace)
    return [experiment_record(row) for row in rows]


async def _submit(workspace: Workspace, _request: Request, body: ExperimentFile) -> Any:
    """Start the experiment that an experiment file describes."""
    return await _submitted(workspace, await run_in_threadpool(_described, body))


async def _submitted(workspace: Workspace, experiment: Experiment) -> Any:
    begin = partial(lifecycle.begin, workspace, experiment, hub_patience=0)
    return await _outcome(workspace, await when_looked_up(begin, PATIENCE))


async def _outcome(workspace: Workspace, begun: lifecycle.Begun) -> Any:
    if begun.planning is not None:
        await ended(begun.planning.enqueued, PATIENCE)
    return dataclasses.asdict(await run_in_threadpool(lifecycle.outcome, workspace, begun, 0))


async def _plan(workspace: Workspace, _request: Request, body: ExperimentFile) -> Any:
    """Tell what starting an experiment would take."""
    experiment = await run_in_threadpool(_described, body)
    return plan_record(await when_looked_up(partial(plan, workspace, experiment, hub_patience=0), PATIENCE))


def _described(body: ExperimentFile) -> Experiment:
    return parse_experiment(body.yaml, "experiment")


async def _demo(workspace: Workspace, _request: Request) -> Any:
    """Start the demo's experiment."""
    return await _submitted(workspace, parse_experiment(DEMO_EXPERIMENT, "demo"))


def _cancel(workspace: Workspace, request: Request) -> Any:
    """Cancel an experiment."""
    row = addressed_experiment(workspace, request, beginnings=False)
    lifecycle.cancel(workspace, row)
    return experiment_record(lifecycle.find(workspace, row.id))


def _delete(workspace: Workspace, request: Request) -> Any:
    """Delete an experiment and its results."""
    row = addressed_experiment(workspace, request, beginnings=False, last=False)
    lifecycle.delete(workspace, row)
    return {"deleted": row.id}


async def _resume(workspace: Workspace, request: Request) -> Any:
    """Continue an experiment: run the queries that have no result."""
    row = await run_in_threadpool(addressed_experiment, workspace, request)
    return await _outcome(workspace, await run_in_threadpool(lifecycle.begin_again, workspace, row))


def _progress(workspace: Workspace, request: Request) -> Any:
    """Show how far an experiment is."""
    row = addressed_experiment(workspace, request)
    return dataclasses.asdict(progress_reader(workspace).read(row.id))


def _failures(workspace: Workspace, request: Request) -> Any:
    """List an experiment's failed queries, with reasons."""
    return failures_record(workspace, addressed_experiment(workspace, request))


def _leaderboard(workspace: Workspace, request: Request) -> Any:
    """Show an experiment's leaderboard."""
    row = addressed_experiment(workspace, request)
    parameters = request.query_params
    board = leaderboard(
        workspace, row, parameters.get("measure") or None, baseline=parameters.get("baseline") or None
    )
    return leaderboard_record(board)
