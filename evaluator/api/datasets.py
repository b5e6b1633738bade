"""REST routes of datasets: list, show, browse, change, download, delete."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from evaluator.analysis.history import history, history_record
from evaluator.api.handling import file_headers, json_object, route
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.printable import file_name
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError
from evaluator.judging import judgments
from evaluator.library import browsing, catalog
from evaluator.library.browsing import Page
from evaluator.library.catalog import register
from evaluator.library.download import write_beir
from evaluator.library.records import dataset_details, dataset_record
from evaluator.workspace.workspace import Workspace

MAX_ROWS = 1000
"""Rows of one answer."""
CHUNK = 1 << 20
"""Bytes of a download that are sent at once."""

STORED = '{"name": "...", "fingerprint": "...", "source": "...", "description": "...", "tags": ["..."]}'
CHANGES = '{"name": "...", "description": "...", "tags": ["..."]}, each of them optional'
EDITS = '{"changes": [{"query_id": "...", "doc_id": "...", "grade": 1 or null}], "note": "..."}'


def dataset_routes() -> list[Route]:
    """All routes below `/api/datasets`."""
    one = "/api/datasets/{name}"
    return [
        route("/api/datasets", _datasets, of_state=True),
        route("/api/datasets", _register, "POST"),
        route(one, _dataset, of_state=True),
        route(one, _change, "PATCH"),
        route(one, _delete, "DELETE"),
        route(f"{one}/documents", _documents),
        route(f"{one}/queries", _queries),
        route(f"{one}/queries/{{query:path}}", _query),
        route(f"{one}/judgments", _judgments),
        route(f"{one}/judgments", _judge, "POST"),
        route(f"{one}/history", _history),
        route(f"{one}/download", _download),
    ]


def _datasets(workspace: Workspace, _request: Request, _body: bytes) -> Any:
    return [dataset_record(row) for row in catalog.all_datasets(workspace)]


def _register(workspace: Workspace, _request: Request, body: bytes) -> Any:
    """Name a dataset that is in the artifact store already: what `evaluator dataset import` does."""
    record = {"description": "", "tags": [], **json_object(body, STORED)}
    tags = record.pop("tags")
    texts = [*record.values(), *tags] if isinstance(tags, list) else [None]
    if record.keys() != {"name", "fingerprint", "source", "description"} or not all(
        isinstance(text, str) for text in texts
    ):
        raise InvalidInputError(f"send {STORED}, description and tags optional")
    return dataset_record(register(workspace, **record, tags=tags))


def _dataset(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return _details(workspace, _named(workspace, request))


def _change(workspace: Workspace, request: Request, body: bytes) -> Any:
    row, changes = _named(workspace, request), json_object(body, CHANGES)
    name, description = changes.get("name", row.name), changes.get("description", row.description)
    tags = changes.get("tags", list(row.tags))
    texts = [name, description, *tags] if isinstance(tags, list) else [None]
    if changes.keys() - {"name", "description", "tags"} or not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(f"send {CHANGES}")
    return _details(workspace, catalog.change(workspace, row.name, name, description, tags))


def _delete(workspace: Workspace, request: Request, _body: bytes) -> Any:
    row = _named(workspace, request)
    catalog.remove(workspace, row.name)
    return {"deleted": row.name}


def _documents(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return _listed(workspace, request, browsing.documents)


def _queries(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return _listed(
        workspace,
        request,
        browsing.queries,
        lambda row: {**row.query._asdict(), "judged": row.judged, "relevant": row.relevant},
    )


def _query(workspace: Workspace, request: Request, _body: bytes) -> Any:
    dataset = catalog.load(workspace, _named(workspace, request))
    found = browsing.judged_query(dataset, request.path_params["query"])
    judged = [
        {"doc_id": row.doc_id, "grade": row.grade, "title": row.document and row.document.title}
        for row in found.judged
    ]
    return {**found.query._asdict(), "judged": judged}


def _judgments(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return _listed(workspace, request, browsing.judgments)


def _history(workspace: Workspace, request: Request, _body: bytes) -> Any:
    name = request.path_params["name"]
    return history_record(history(workspace, name, request.query_params.get("measure")))


def _judge(workspace: Workspace, request: Request, body: bytes) -> Any:
    record = json_object(body, EDITS)
    try:
        changes = {
            (str(change["query_id"]), str(change["doc_id"])): _grade(change["grade"])
            for change in record["changes"]
        }
    except (KeyError, TypeError) as error:
        raise InvalidInputError(f"send {EDITS}") from error
    row = _named(workspace, request)
    return _details(workspace, judgments.edit(workspace, row.id, changes, str(record.get("note", ""))))


def _grade(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise InvalidInputError(f"the grade {value!r} is no whole number, nor null; send {EDITS}")


def _download(workspace: Workspace, request: Request, _body: bytes) -> Response:
    row = _named(workspace, request)
    file = tempfile.TemporaryFile(dir=workspace.settings.home_path)  # noqa: SIM115  it has no name; closed when sent
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
