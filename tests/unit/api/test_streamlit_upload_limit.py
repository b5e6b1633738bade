"""What strangers can leave in Streamlit's memory through its own route of uploads: a few small files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette import starlette_routes
from streamlit.web.server.starlette.starlette_routes import create_upload_routes

from evaluator.api.streamlit_upload_limit import KEPT_FILES, FewSmallFiles
from evaluator.experiments.yaml_nodes import MAX_BYTES


@pytest.fixture
def kept() -> MemoryUploadedFileManager:
    """Streamlit's memory of uploaded files."""
    return MemoryUploadedFileManager("/_stcore/upload_file")


@pytest.fixture
def client(kept: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Streamlit's own route, behind what the server puts before it; every session is taken for active."""
    monkeypatch.setattr(starlette_routes, "is_xsrf_enabled", lambda: False)
    bounded = Middleware(FewSmallFiles, forget=kept.remove_file)
    return TestClient(Starlette(routes=create_upload_routes(Mock(), kept, ""), middleware=[bounded]))


def put(client: TestClient, session: str, file: str, content: bytes) -> int:
    """Send a file as a page does; gives the status."""
    path = f"/_stcore/upload_file/{session}/{file}"
    return int(client.put(path, files={"mine.yaml": ("mine.yaml", content)}).status_code)


def names(kept: MemoryUploadedFileManager) -> list[str]:
    return [file for files in kept.file_storage.values() for file in files]


def test_an_experiment_file_gets_through_whole(client: TestClient, kept: MemoryUploadedFileManager) -> None:
    content = os.urandom(MAX_BYTES)
    assert put(client, "session", "file", content) == 204
    (file,) = kept.get_files("session", ["file"])
    assert (file.name, file.data) == ("mine.yaml", content)


def test_a_large_file_is_refused_before_it_is_read_and_while_it_comes(
    client: TestClient, kept: MemoryUploadedFileManager
) -> None:
    sent: list[int] = []

    def coming() -> Iterator[bytes]:
        for number in range(1000):
            sent.append(number)
            yield bytes(1 << 20)

    answer = client.put("/_stcore/upload_file/session/file", content=coming())
    assert (answer.status_code, "/api/uploads" in answer.json()["error"]) == (413, True)
    assert put(client, "session", "file", bytes(2 * MAX_BYTES)) == 413
    assert names(kept) == []


def test_of_many_files_the_newest_stay(client: TestClient, kept: MemoryUploadedFileManager) -> None:
    for number in range(KEPT_FILES + 8):
        assert put(client, f"session-{number % 3}", f"{number:03}", b"name: new") == 204
    assert sorted(names(kept)) == [f"{number:03}" for number in range(8, KEPT_FILES + 8)]


def test_a_file_that_is_sent_again_counts_once(client: TestClient, kept: MemoryUploadedFileManager) -> None:
    assert put(client, "session", "mine", b"name: mine") == 204
    for _ in range(KEPT_FILES):
        assert put(client, "session", "other", b"name: other") == 204
    assert sorted(names(kept)) == ["mine", "other"]
