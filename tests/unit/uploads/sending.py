"""Sending files to uploads, as a browser does."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

from evaluator.uploads import uploads
from evaluator.uploads.folder import PERSON
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace

CORPUS = b'{"_id": "d1", "text": "first"}\n{"_id": "d2", "text": "second"}\n'
QUERIES = b'{"_id": "q1", "text": "which"}\n'
QRELS = b"query-id\tcorpus-id\tscore\nq1\td1\t1\n"


def send(workspace: Workspace, upload: str, name: str, *chunks: bytes | Exception) -> None:
    """Send a file in chunks; an exception is where the connection breaks off."""

    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    asyncio.run(uploads.receive(workspace, upload, name, arriving()))


def settled(workspace: Workspace, upload: str) -> UploadState:
    """The state once nothing goes on any more."""
    deadline = time.monotonic() + 30
    while (state := uploads.state(workspace, upload)).status in ("recognising", "checking"):
        assert time.monotonic() < deadline, state
        time.sleep(0.01)
    return state


def recognised(workspace: Workspace, **files: bytes) -> str:
    """An upload whose files are recognised; `__` in a name is a slash, `_` a dot."""
    upload = uploads.create(workspace)
    for name, content in files.items():
        send(workspace, upload, name.replace("__", "/").replace("_", "."), content)
    uploads.recognise(workspace, upload)
    assert settled(workspace, upload).status == "recognised"
    return upload


def checked(workspace: Workspace, upload: str, *, exclude_self: bool = False) -> UploadState:
    """The state after the check, with the reading that was recognised."""
    reading = uploads.state(workspace, upload).recognised
    assert reading is not None
    assert reading.reading is not None
    uploads.check(workspace, upload, reading.reading, exclude_self)
    return settled(workspace, upload)


def files_on_disk(workspace: Workspace) -> list[str]:
    """What is left of all uploads, beside whose they are."""
    root = workspace.settings.home_path / "uploads"
    files = (path for path in root.rglob("*") if path.is_file() and path.name != PERSON)
    return sorted(str(path.relative_to(root)) for path in files)


def zipped(folder: Path) -> bytes:
    """A folder as a zip."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return written.getvalue()
