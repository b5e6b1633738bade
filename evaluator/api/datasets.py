"""REST routes of datasets: list, show, browse, change, download, delete."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evaluator.analysis.history import history, history_record
from evaluator.api.bodies import DatasetChanges, DatasetRegistration, JudgmentChanges, QueriesToAdd
from evaluator.api.handling import ApiRoute, file_headers, route
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.access import Action
from evaluator.domain.printable import file_name
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError
from evaluator.judging import judgments
from evaluator.library import browsing, catalog
from evaluator.library.browsing import Page
from evaluator.library.download import write_beir
from evaluator.library.queries import NewQuery, add
from evaluator.library.records import added_record, dataset_details, dataset_record
from evaluator.library.registration import register
from evaluator.workspace.workspace import Workspace

MAX_ROWS = 1000
"""The default and the largest number of rows in one answer."""
CHUNK = 1 << 20
"""Bytes of a download per chunk."""
LISTED = ("search", "offset", "limit")
"""Query parameters of lists."""


def dataset_routes() -> list[ApiRoute]:
    """All routes below `/api/datasets`."""
    one = "/api/datasets/{name}"
    return [
        route("/api/datasets", _datasets, of_state=True),
        route("/api/datasets", _register, "POST", body=DatasetRegistration, needs=Action.EDIT),
        route(one, _dataset, of_state=True),
        route(one, _change, "PATCH", body=DatasetChanges, needs=Action.EDIT),
        route(one, _delete, "DELETE", needs=Action.EDIT),
        route(f"{one}/documents", _documents, query=LISTED),
        route(f"{one}/queries", _queries, query=LISTED),
        route(f"{one}/queries", _add_queries, "POST", body=QueriesToAdd, needs=Action.EDIT),
        route(f"{one}/queries/{{query:path}}", _query),
        route(f"{one}/judgments", _judgments, query=LISTED),
        route(f"{one}/judgments", _judge, "POST", body=JudgmentChanges, needs=Action.EDIT),
        route(f"{one}/history", _history, query=("measure",)),
        route(f"{one}/download", _download, media=("application/zip",)),
    ]


def _datasets(workspace: Workspace, _request: Request) -> Any:
    """List all datasets, newest first."""
    return [dataset_record(row) for row in catalog.all_datasets(workspace)]


def _register(workspace: Workspace, _request: Request, body: DatasetRegistration) -> Any:
    """Name a dataset that is in the artifact store."""
    return dataset_record(register(workspace, **dict(body)))


def _dataset(workspace: Workspace, request: Request) -> Any:
    """Show a dataset with its versions, and what uses it."""
    return _details(workspace, _named(workspace, request))


def _change(workspace: Workspace, request: Request, body: DatasetChanges) -> Any:
    """Rename, describe or tag a dataset."""
    row = _named(workspace, request)
    present = {"name": row.name, "description": row.description, "tags": list(row.tags)}
    changed = {**present, **body.model_dump(exclude_unset=True)}
    return _details(
        workspace,
        catalog.change(workspace, row.name, changed["name"], changed["description"], changed["tags"]),
    )


def _delete(workspace: Workspace, request: Request) -> Any:
    """Delete a dataset with all of its versions."""
    row = _named(workspace, request)
    catalog.remove(workspace, row.name)
    return {"deleted": row.name}


def _documents(workspace: Workspace, request: Request) -> Any:
    """List or search a dataset's documents."""
    return _listed(workspace, request, browsing.documents)


def _queries(workspace: Workspace, request: Request) -> Any:
    """List or search a dataset's queries."""
    return _listed(
        workspace,
        request,
        browsing.queries,
        lambda row: {**row.query._asdict(), "judged": row.judged, "relevant": row.relevant},
    )


def _add_queries(workspace: Workspace, request: Request, body: QueriesToAdd) -> Any:
    """Add queries: the dataset's next version, over the same documents."""
    row = _named(workspace, request)
    queries = [NewQuery(**dict(query)) for query in body.queries]
    return added_record(add(workspace, row.id, queries, body.note))


def _query(workspace: Workspace, request: Request) -> Any:
    """Show a query with its judged documents."""
    dataset = catalog.load(workspace, _named(workspace, request))
    judged_query = browsing.judged_query(dataset, request.path_params["query"])
    judged = [
        {"doc_id": row.doc_id, "grade": row.grade, "title": row.document and row.document.title}
        for row in judged_query.judged
    ]
    return {**judged_query.query._asdict(), "judged": judged}


def _judgments(workspace: Workspace, request: Request) -> Any:
    """List or search a dataset's judgments."""
    return _listed(workspace, request, browsing.judgments)


def _history(workspace: Workspace, request: Request) -> Any:
    """Show the scores of a dataset's experiments over time."""
    name = request.path_params["name"]
    return history_record(history(workspace, name, request.query_params.get("measure")))


def _judge(workspace: Workspace, request: Request, body: JudgmentChanges) -> Any:
    """Add, change or remove judgments: the dataset's next version."""
    row = _named(workspace, request)
    changes = {(change.query_id, change.doc_id): change.grade for change in body.changes}
    return _details(workspace, judgments.edit(workspace, row.id, changes, body.note))


def _download(workspace: Workspace, request: Request) -> Response:
    """Download a dataset as a zip in BEIR's format."""
    row = _named(workspace, request)
    file = tempfile.TemporaryFile(dir=workspace.settings.home_path)  # noqa: SIM115  without a name; closed after sending
    try:
        write_beir(workspace, row, file)
    except BaseException:
        file.close()
        raise
    headers = {**file_headers(file_name(row.name, ending="zip")), "content-length": str(file.tell())}
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def _named(workspace: Workspace, request: Request) -> DatasetRow:
    return catalog.find(workspace, request.path_params["name"])


def _details(workspace: Workspace, row: DatasetRow) -> dict[str, Any]:
    return dataset_details(
        row,
        catalog.versions(workspace, row.id),
        catalog.used_by(workspace, row.id),
        catalog.siblings(workspace, row),
        catalog.provenance(workspace, row),
    )


def _listed(
    workspace: Workspace,
    request: Request,
    browse: Callable[[StoredDataset, str, int, int], Page[Any]],
    record: Callable[[Any], dict[str, Any]] = lambda row: dict(row._asdict()),
) -> dict[str, Any]:
    """A page of a list, by the parameters `search`, `offset` and `limit`."""
    dataset = catalog.load(workspace, _named(workspace, request))
    offset = _number(request, "offset", 0, 1 << 40)
    limit = _number(request, "limit", 20, MAX_ROWS)
    page = browse(dataset, request.query_params.get("search", ""), offset, limit)
    return {"rows": [record(row) for row in page.rows], "more": page.more, "total": page.total}


def _number(request: Request, name: str, default: int, largest: int) -> int:
    written = request.query_params.get(name, str(default))
    if not (written.isascii() and written.isdigit()) or len(written) > 15 or int(written) > largest:
        raise InvalidInputError(f"{name}={written!r} is no whole number from 0 to {largest:,}")
    return int(written)
