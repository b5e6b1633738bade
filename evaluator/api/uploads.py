"""REST routes of uploads: receive files, recognise and check them, and store them as a dataset."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from evaluator.api.bodies import DatasetDescription, UploadReading, UploadSource
from evaluator.api.handling import ApiRoute, failure, refusal, route
from evaluator.datasets.recognition.doubts import changed
from evaluator.domain.access import Action
from evaluator.errors import EvaluatorError
from evaluator.library.records import dataset_record
from evaluator.uploads import uploads
from evaluator.uploads.persons import person_at
from evaluator.workspace.workspace import Workspace, serving

HEADER = "x-evaluator-upload"
"""A required header: pages of other sites need permission to send it, so they can neither send nor remove files."""


def upload_routes() -> list[ApiRoute]:
    """The routes below `/api/uploads`."""
    return [
        route("/api/uploads", _list, needs=Action.EDIT),
        route("/api/uploads", _create, "POST", query=("adds_to",), needs=Action.EDIT),
        route("/api/uploads/fetch", _fetch, "POST", body=UploadSource, needs=Action.EDIT),
        ApiRoute(
            "/api/uploads/{id}/files/{name:path}",
            _receive,
            "PUT",
            summary="Send a file's bytes, as they are.",
            headers=(HEADER,),
            takes_file=True,
            needs=Action.EDIT,
        ),
        route("/api/uploads/{id}/recognise", _recognise, "POST", needs=Action.EDIT),
        route("/api/uploads/{id}/check", _check, "POST", body=UploadReading, needs=Action.EDIT),
        route("/api/uploads/{id}/store", _store, "POST", body=DatasetDescription, needs=Action.EDIT),
        route("/api/uploads/{id}", _state, needs=Action.EDIT),
        ApiRoute(
            "/api/uploads/{id}",
            _discard,
            "DELETE",
            summary="Discard an upload and its files.",
            headers=(HEADER,),
            needs=Action.EDIT,
        ),
    ]


def _list(workspace: Workspace, request: Request) -> Any:
    """List the client's own open uploads."""
    return [
        {
            "id": state.id,
            "status": state.status,
            "files": len(state.files),
            "bytes": state.bytes,
            "changed_at": state.changed_at,
        }
        for state in uploads.open_uploads(workspace, _person(request))
    ]


def _create(workspace: Workspace, request: Request) -> Any:
    """Begin an upload: of a dataset, or of queries and judgments to add to the one that `adds_to` names."""
    adds_to = request.query_params.get("adds_to")
    return {"id": uploads.create(workspace, _person(request), adds_to)}


def _person(request: Request) -> str:
    return person_at(request.client.host if request.client else None)


def _fetch(workspace: Workspace, request: Request, body: UploadSource) -> Any:
    """Begin an upload of a dataset that the server fetches from a hub."""
    return {"id": uploads.fetch(workspace, body.reference, _person(request))}


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
        return refusal(
            400, "the connection broke off; nothing of the file is kept"
        )  # nobody reads this answer
    return JSONResponse({"name": file.name, "bytes": file.bytes})


def _recognise(workspace: Workspace, request: Request) -> Any:
    """Recognise what an upload's files are."""
    uploads.recognise(workspace, request.path_params["id"])
    return _state(workspace, request)


def _check(workspace: Workspace, request: Request, body: UploadReading) -> Any:
    """Check the dataset that an upload's files are, read in a given way, or as recognised with changes."""
    upload_id = request.path_params["id"]
    if body.reading is None:
        reading = uploads.state(workspace, upload_id).certain(body.changes)
    else:
        reading = changed(body.reading, body.changes)
    uploads.check(workspace, upload_id, reading, body.exclude_self)
    return _state(workspace, request)


def _state(workspace: Workspace, request: Request) -> Any:
    """Show what is known of an upload."""
    return uploads.state(workspace, request.path_params["id"]).to_json()


def _store(workspace: Workspace, request: Request, body: DatasetDescription) -> Any:
    """Store a checked upload as a dataset, with `next_version` as the next version of the one of this name."""
    upload_id, name, next_version = request.path_params["id"], body.name, body.next_version
    row = uploads.store(workspace, upload_id, name, body.description, body.tags, next_version=next_version)
    return dataset_record(row)


async def _discard(request: Request) -> Response:
    if not request.headers.get(HEADER):
        return refusal(415, f"send the header {HEADER}: 1")
    try:
        await run_in_threadpool(uploads.discard, serving(), request.path_params["id"])
    except EvaluatorError as error:
        return failure(error)
    return JSONResponse({})
