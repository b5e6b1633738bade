"""REST routes of files: an experiment's report, figures and results, and the instance's backup."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, get_args

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from evaluator.analysis.export import Format, export_file
from evaluator.analysis.recommendation import COSTS
from evaluator.api.handling import ApiRoute, addressed_experiment, file_headers, route
from evaluator.domain.access import Action
from evaluator.domain.printable import file_name
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.operations.backup.writing import prepare
from evaluator.report.figures import FigureOptions, Image, figure
from evaluator.report.page import report
from evaluator.uploads.folder import scratch_folder
from evaluator.workspace.workspace import Workspace

CHUNK = 1 << 20
"""Bytes of a file per chunk."""
TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".duckdb": "application/octet-stream",
    ".tar": "application/x-tar",
}
FIGURE = ("measure", "baseline", "a", "b", "cost")
"""Query parameters of a figure."""


def export_routes() -> list[ApiRoute]:
    """All routes for reports, figures, exports and backups."""
    return [
        route(
            "/api/experiments/{id}/report",
            _report,
            query=("measure", "baseline", "look"),
            media=("text/html",),
        ),
        route(
            "/api/experiments/{id}/figures/{name}.{kind}",
            _figure,
            query=FIGURE,
            media=(TYPES["svg"], TYPES["png"]),
        ),
        route(
            "/api/experiments/{id}/export/{format}",
            _export,
            media=tuple(TYPES[kind] for kind in (".zip", ".csv", ".parquet", ".duckdb")),
        ),
        route("/api/backup", _backup, query=("vectors",), media=(TYPES[".tar"],), needs=Action.OPERATE),
    ]


def _report(workspace: Workspace, request: Request) -> Response:
    """Download the report as one HTML page; with `look` the browser shows it."""
    row = addressed_experiment(workspace, request)
    parameters = request.query_params
    html = report(workspace, row, parameters.get("measure") or None, parameters.get("baseline") or None)
    disposition = "inline" if "look" in parameters else "attachment"
    return HTMLResponse(html, headers=file_headers(file_name(row.name, ending="html"), disposition))


def _figure(workspace: Workspace, request: Request) -> Response:
    """Download a figure as SVG or PNG."""
    row = addressed_experiment(workspace, request)
    name, kind = request.path_params["name"], request.path_params["kind"]
    if kind not in get_args(Image):
        raise UnknownNameError(f"there are no figures as {kind!r}; there are: {', '.join(get_args(Image))}")
    parameters = {name: value for name, value in request.query_params.items() if value}
    if unknown := set(parameters).difference(FIGURE):
        raise InvalidInputError(f"a figure takes no {min(unknown)!r}; it takes {', '.join(FIGURE)}")
    if parameters.get("cost", "p95_ms") not in COSTS:
        raise InvalidInputError(f"cost={parameters['cost']!r} is not one of {', '.join(COSTS)}")
    drawn = figure(workspace, row, name, FigureOptions(**parameters), kind)  # type: ignore[arg-type]
    headers = file_headers(file_name(row.name, name, ending=kind))
    return Response(drawn, media_type=TYPES[kind], headers=headers)


def _export(workspace: Workspace, request: Request) -> Response:
    """Download the results as a file."""
    row, format_ = addressed_experiment(workspace, request), request.path_params["format"]
    if format_ not in get_args(Format):
        raise UnknownNameError(f"there is no export as {format_!r}; there are: {', '.join(get_args(Format))}")
    with tempfile.TemporaryDirectory(prefix="export-", dir=scratch_folder(workspace.settings)) as folder:
        try:
            path = export_file(workspace, row, format_, Path(folder))
        except InvalidInputError as error:
            if isinstance(error.__cause__, OSError):  # its message names a folder of the server
                raise error.__cause__ from None
            raise
        file = path.open("rb")  # removed with its folder, even if the client leaves
    size = os.fstat(file.fileno()).st_size
    headers = {**file_headers(file_name(row.name, ending=path.suffix[1:])), "content-length": str(size)}
    return StreamingResponse(_sent(file), media_type=TYPES[path.suffix], headers=headers)


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _backup(workspace: Workspace, request: Request) -> Response:
    """Download a backup of the instance; with `vectors` also stored vectors."""
    backup = prepare(workspace, vectors="vectors" in request.query_params)
    name = file_name("evaluator", backup.manifest.created_at[:10], ending="tar")
    headers = {**file_headers(name), "content-length": str(backup.size)}
    return StreamingResponse(backup.chunks(), media_type=TYPES[".tar"], headers=headers)
