"""Routes of uploads: files stream to disk, are recognised, checked, and stored as a dataset."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evaluator.api.handling import failure, json_object, refusal, route
from evaluator.datasets.reading import Reading
from evaluator.errors import EvaluatorError, InvalidInputError
from evaluator.library.records import dataset_record
from evaluator.uploads import uploads
from evaluator.uploads.persons import person_at
from evaluator.workspace.workspace import Workspace, serving

HEADER = "x-evaluator-upload"
"""A page elsewhere cannot send this header without asking first, so it can neither send nor remove files."""

CHECK = '{"reading": <a reading>, "exclude_self": true or false}'
STORE = '{"name": "<name>", "description": "<text>", "tags": ["<tag>"]}'
FETCH = '{"reference": "hf:organisation/name" or "ir_datasets:id"}'


def upload_routes() -> list[Route]:
    """The routes below `/api/uploads`."""
    return [
        route("/api/uploads", _list),
        route("/api/uploads", _create, "POST"),
        route("/api/uploads/fetch", _fetch, "POST"),
        Route("/api/uploads/{id}/files/{name:path}", _receive, methods=["PUT"]),
        route("/api/uploads/{id}/recognise", _recognise, "POST"),
        route("/api/uploads/{id}/check", _check, "POST"),
        route("/api/uploads/{id}/store", _store, "POST"),
        route("/api/uploads/{id}", _state),
        Route("/api/uploads/{id}", _discard, methods=["DELETE"]),
    ]


def _list(workspace: Workspace, request: Request, _body: bytes) -> Any:
    """Those of whoever asks; nobody learns of others' here."""
    return [
        {"id": state.id, "status": state.status, "files": len(state.files), "bytes": state.bytes}
        for state in uploads.open_uploads(workspace, _person(request))
    ]


def _create(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return {"id": uploads.create(workspace, _person(request))}


def _person(request: Request) -> str:
    return person_at(request.client.host if request.client else None)


def _fetch(workspace: Workspace, request: Request, body: bytes) -> Any:
    reference = json_object(body, FETCH).get("reference")
    if not isinstance(reference, str):
        raise InvalidInputError(f"send {FETCH}")
    return {"id": uploads.fetch(workspace, reference, _person(request))}


async def _receive(request: Request) -> Response:
    """A file's bytes are the request's body, as they are."""
    if not request.headers.get(HEADER):
        return refusal(415, f"send the header {HEADER}: 1")
    upload_id, name = request.path_params["id"], request.path_params["name"]
    try:
        uploads.require_room(serving(), upload_id, int(request.headers.get("content-length") or 0))
        file = await uploads.receive(serving(), upload_id, name, request.stream())
    except EvaluatorError as error:
        return failure(error)
    except ClientDisconnect:
        return refusal(400, "the connection broke off; nothing of the file is kept")  # nobody reads it
    return JSONResponse({"name": file.name, "bytes": file.bytes})


def _recognise(workspace: Workspace, request: Request, _body: bytes) -> Any:
    uploads.recognise(workspace, request.path_params["id"])
    return _state(workspace, request, b"")


def _check(workspace: Workspace, request: Request, body: bytes) -> Any:
    asked = json_object(body, CHECK)
    exclude_self = asked.get("exclude_self", False)
    if not isinstance(exclude_self, bool) or not isinstance(asked.get("reading"), dict):
        raise InvalidInputError(f"send {CHECK}")
    uploads.check(workspace, request.path_params["id"], Reading.from_json(asked["reading"]), exclude_self)
    return _state(workspace, request, b"")


def _state(workspace: Workspace, request: Request, _body: bytes) -> Any:
    return uploads.state(workspace, request.path_params["id"]).to_json()


def _store(workspace: Workspace, request: Request, body: bytes) -> Any:
    asked = json_object(body, STORE)
    name, description, tags = asked.get("name"), asked.get("description", ""), asked.get("tags", [])
    if not isinstance(name, str) or not isinstance(description, str) or not is_texts(tags):
        raise InvalidInputError(f"send {STORE}")
    row = uploads.store(workspace, request.path_params["id"], name, description, tags)
    return dataset_record(row)


def is_texts(value: object) -> bool:
    """Whether a value from outside is a list of texts."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


async def _discard(request: Request) -> Response:
    if not request.headers.get(HEADER):
        return refusal(415, f"send the header {HEADER}: 1")
    try:
        await run_in_threadpool(uploads.discard, serving(), request.path_params["id"])
    except EvaluatorError as error:
        return failure(error)
    return JSONResponse({})
