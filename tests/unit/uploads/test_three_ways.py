"""A dataset comes in by the command line, over REST, or by the page: the same dataset, or the same message."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from evaluator.api.routes import routes
from evaluator.api.uploads import HEADER
from evaluator.cli.datasets import dataset_import
from evaluator.datasets.staging.unpack import UNPACKED_ROOM
from evaluator.errors import EvaluatorError
from evaluator.library import catalog
from evaluator.remote.local import LocalInstance
from evaluator.uploads import uploads
from evaluator.uploads.folder import files_below
from evaluator.workspace.workspace import Workspace, serve

DEADLINE = 60.0
"""Seconds that a step may take."""

CORPUS = '{"_id": "d1", "text": "Bread is baked."}\n{"_id": "d2", "text": "Cake is sweet."}\n'
QUERIES = '{"_id": "q1", "text": "How is bread made?"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"
AGAIN = CORPUS + '{"_id": "d1", "text": "Another text."}\n'

Way = Callable[[Path, Workspace], str]
"""Imports a folder's files; the dataset's fingerprint, or the message that says why there is none."""


def by_command(folder: Path, library: Workspace) -> str:
    settings = library.settings
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("evaluator.cli.datasets.read_settings", lambda: settings)
            patch.setattr(
                "evaluator.remote.instance.open_instance",
                lambda _settings: nullcontext(LocalInstance(library)),
            )
            printed: list[dict[str, str]] = []
            patch.setattr("evaluator.cli.datasets.print_json", printed.append)
            dataset_import(str(folder), name="by command", description="", tag=[], json_=True)
    except EvaluatorError as error:
        return str(error)
    return printed[0]["fingerprint"]


def by_rest(folder: Path, library: Workspace) -> str:
    with serve(library), TestClient(Starlette(routes=routes())) as client:
        upload = f"/api/uploads/{client.post('/api/uploads', json={}).json()['id']}"
        for name, _ in files_below(folder):
            content = (folder / name).read_bytes()
            client.put(f"{upload}/files/{name}", content=content, headers={HEADER: "1"}).raise_for_status()
        client.post(f"{upload}/recognise", json={})
        state = client.get(upload).json()
        end = time.monotonic() + DEADLINE
        while state["status"] in ("recognising", "checking"):
            assert time.monotonic() < end
            state = client.get(upload).json()
            if state["status"] == "recognised":
                reading = {"reading": state["recognised"]["reading"], "exclude_self": state["exclude_self"]}
                state = client.post(f"{upload}/check", json=reading).json()
        if state["status"] == "failed":
            return str(state["error"])
        answer = client.post(f"{upload}/store", json={"name": "by rest"}).json()
        return str(answer.get("error") or answer["fingerprint"])


def by_page(folder: Path, library: Workspace) -> str:
    """What the page calls; files reach it over REST."""

    async def content(path: Path) -> AsyncIterator[bytes]:
        yield path.read_bytes()

    upload = uploads.create(library)
    for name, _ in files_below(folder):
        asyncio.run(uploads.receive(library, upload, name, content(folder / name)))
    uploads.recognise(library, upload)
    state = uploads.state(library, upload)
    end = time.monotonic() + DEADLINE
    while state.status in ("recognising", "checking"):
        assert time.monotonic() < end
        state = uploads.state(library, upload)
        if state.status == "recognised":
            assert state.recognised is not None
            assert state.recognised.reading is not None
            uploads.check(library, upload, state.recognised.reading, state.exclude_self)
            state = uploads.state(library, upload)
    if state.error:
        return state.error
    try:
        return uploads.store(library, upload, "by page").manifest.fingerprint
    except EvaluatorError as error:
        return str(error)


@pytest.fixture(params=["folder", "archive", "repeated id", "broken archive", "bomb"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder of files, and how the answer begins; nothing of a fingerprint."""
    folder = tmp_path / "given"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(AGAIN if request.param == "repeated id" else CORPUS)
    (folder / "queries.jsonl").write_text(QUERIES)
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    if request.param == "archive":
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            for name, _ in list(files_below(folder)):
                if name != "all.zip":
                    archive.write(folder / name, name)
                    (folder / name).unlink()
    if request.param == "broken archive":
        (folder / "all.zip").write_bytes(b"PK\x03\x04 and no more")
    if request.param == "bomb":
        with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros.txt", bytes(UNPACKED_ROOM + (32 << 20)))
    beginnings = {
        "repeated id": "corpus.jsonl:3",
        "broken archive": "all.zip: ",
        "bomb": "all.zip: it unpacks to",
    }
    yield folder, beginnings.get(request.param, "")


def test_all_ways_say_the_same(case: tuple[Path, str], library: Workspace) -> None:
    folder, beginning = case
    answers = {way.__name__: way(folder, library) for way in (by_command, by_rest, by_page)}
    assert len(set(answers.values())) == 1, json.dumps(answers, indent=1)
    assert answers["by_command"].startswith(beginning)
    assert beginning or len(answers["by_command"]) == 16
    known = [catalog.provenance(library, row) for row in catalog.all_datasets(library)]
    assert len(known) == (0 if beginning else 3)
    assert len({(found[1].files, found[1].sha256, found[1].version) for found in known if found}) <= 1
    assert None not in known
