"""REST routes that hand an experiment on: its report, its figures, its results as files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, get_args
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from evaluator.api.handling import addressed_experiment, route
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.report.figures import Image, Wanted, figure
from evaluator.report.page import report
from evaluator.services.export import Format, export_file, file_stem
from evaluator.services.recommendation import COSTS
from evaluator.services.uploads import scratch_folder
from evaluator.services.workspace import Workspace

CHUNK = 1 << 20
"""Bytes that are sent at once."""
TYPES = {
    "svg": "image/svg+xml", "png": "image/png", ".zip": "application/zip", ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet", ".duckdb": "application/octet-stream",
}  # fmt: skip
NO_SCRIPT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-downloads"
"""What a browser lets a report or a figure do: nothing but be drawn, whatever a query's text says."""


def export_routes() -> list[Route]:
    """All routes of what is handed on."""
    return [
        route("/api/experiments/{id}/report", _report),
        route("/api/experiments/{id}/figures/{name}.{kind}", _figure),
        route("/api/experiments/{id}/export/{format}", _export),
    ]


def _report(workspace: Workspace, request: Request, _body: bytes) -> Response:
    row = addressed_experiment(workspace, request)
    asked = request.query_params
    html = report(workspace, row, asked.get("measure") or None, asked.get("baseline") or None)
    kept = "inline" if "look" in asked else "attachment"
    return HTMLResponse(html, headers=_headers(f"{file_stem(row)}.html", kept))


def _figure(workspace: Workspace, request: Request, _body: bytes) -> Response:
    row = addressed_experiment(workspace, request)
    name, kind = request.path_params["name"], request.path_params["kind"]
    if kind not in get_args(Image):
        raise UnknownNameError(f"there are no figures as {kind!r}; there are: {', '.join(get_args(Image))}")
    asked = {name: value for name, value in request.query_params.items() if value}
    if unknown := set(asked) - {"measure", "baseline", "a", "b", "cost"}:
        raise InvalidInputError(f"a figure takes no {min(unknown)!r}; it takes measure, baseline, a, b, cost")
    if asked.get("cost", "p95_ms") not in COSTS:
        raise InvalidInputError(f"cost={asked['cost']!r} is not one of {', '.join(COSTS)}")
    drawn = figure(workspace, row, name, Wanted(**asked), kind)  # type: ignore[arg-type]
    headers = _headers(f"{file_stem(row)}-{name}.{kind}", "attachment")
    return Response(drawn, media_type=TYPES[kind], headers=headers)


def _export(workspace: Workspace, request: Request, _body: bytes) -> Response:
    row, format_ = addressed_experiment(workspace, request), request.path_params["format"]
    if format_ not in get_args(Format):
        raise UnknownNameError(f"there is no export as {format_!r}; there are: {', '.join(get_args(Format))}")
    with tempfile.TemporaryDirectory(prefix="export-", dir=scratch_folder(workspace.settings)) as folder:
        try:
            path = export_file(workspace, row, format_, Path(folder))
        except InvalidInputError as error:
            if isinstance(
                error.__cause__, OSError
            ):  # it speaks of the folder, which is no choice of whoever asks
                raise error.__cause__ from None
            raise
        file = path.open("rb")  # its name goes with the folder, whatever becomes of the reader
    size = os.fstat(file.fileno()).st_size
    headers = {**_headers(f"{file_stem(row)}{path.suffix}", "attachment"), "content-length": str(size)}
    return StreamingResponse(_sent(file), media_type=TYPES[path.suffix], headers=headers)


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _headers(name: str, kept: str) -> dict[str, str]:
    return {
        "content-disposition": f"{kept}; filename*=utf-8''{quote(name, safe='')}",
        "content-security-policy": NO_SCRIPT,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
