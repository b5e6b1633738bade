"""What strangers wrote, over every route: JSON and files that say it and do nothing; and clients that leave."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware

from evaluator.api import handling
from evaluator.api.origins import guards
from evaluator.api.routes import routes
from evaluator.api.streamlit_upload_limit import FewSmallFiles
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.printable import FORMULA_STARTS
from evaluator.settings import Settings
from evaluator.workspace.workspace import serving
from tests.hostile import EXPERIMENT, IDS, MARKUP, NAME, VARIANTS, record_hostile, write_hostile
from tests.unit.api.conftest import Api


@pytest.fixture
def spec(api: Api, tmp_path: Path) -> ExperimentSpec:
    """An experiment over a dataset, every string of either hostile."""
    return record_hostile(serving(), write_hostile(tmp_path / "hostile"))


def test_every_route_answers_with_json_that_holds_each_text_as_it_is(api: Api, spec: ExperimentSpec) -> None:
    dataset, experiment = f"/api/datasets/{quote(NAME)}", f"/api/experiments/{spec.id}"
    said = {
        "/api/datasets": NAME, dataset: NAME, f"{dataset}/documents": IDS[1], f"{dataset}/queries": IDS[0],
        f"{dataset}/queries/{quote(IDS[0], safe='')}": IDS[0], f"{dataset}/judgments": IDS[0],
        f"{dataset}/history": NAME, "/api/experiments": EXPERIMENT, experiment: VARIANTS[0],
        f"{experiment}/leaderboard": VARIANTS[1], f"/api/experiments/{quote(MARKUP[0], safe='')}": None,
        f"/api/datasets/{quote(MARKUP[6], safe='')}": MARKUP[6], f"/api/{quote(MARKUP[2], safe='')}": None,
        f"{experiment}/leaderboard?measure={quote(MARKUP[0])}": None,
        f"{experiment}/figures/{quote(MARKUP[6])}.svg": MARKUP[6],
    }  # fmt: skip
    for path, text in said.items():
        answer = api("GET", path)
        assert answer.headers["content-type"] == "application/json", path
        assert answer.status_code < 500, path
        assert text is None or text in _strings(answer.json()), path


def _strings(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\\\\", "\\").replace('\\"', '"')


def test_files_are_saved_under_harmless_names_and_run_nothing(api: Api, spec: ExperimentSpec) -> None:
    experiment = f"/api/experiments/{spec.id}"
    for path in (
        f"{experiment}/report", f"{experiment}/export/csv", f"{experiment}/export/trec",
        f"/api/datasets/{quote(NAME)}/download",
    ):  # fmt: skip
        answer = api("GET", path)
        assert answer.status_code == 200, path
        disposition = answer.headers["content-disposition"]
        assert re.fullmatch(r"attachment; filename\*=utf-8''[\w.-](?:[\w.-]|%20)+", disposition), disposition
        assert answer.headers["x-content-type-options"] == "nosniff", path
        if path.endswith("report"):
            assert "&lt;script&gt;" in answer.text
            assert re.findall(r"<(?:script|img|iframe|object)\b", answer.text) == []


def test_csv_files_hold_no_formula(api: Api, spec: ExperimentSpec) -> None:
    text = api("GET", f"/api/experiments/{spec.id}/export/csv").text
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) > 10
    assert not any(cell.startswith(FORMULA_STARTS) for row in rows for cell in row)


def test_metrics_are_metrics(api: Api, spec: ExperimentSpec) -> None:
    assert len(list(text_string_to_metric_families(api("GET", "/api/metrics").text))) > 5


@contextmanager
def served() -> Iterator[int]:
    """The port of a real server with the routes, behind what the product puts before them; it ends all answered."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    small_files = Middleware(FewSmallFiles, forget=lambda _session, _file: None)
    app = Starlette(routes=routes(), middleware=[*guards(Settings()), small_files])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def test_a_client_that_leaves_is_no_error(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with served() as port:
        for path in ("/api/experiments", "/api/demo", "/api/uploads"):
            headers = "host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n"
            asked = f"POST {path} HTTP/1.1\r\n{headers}\r\n"
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(asked.encode() + b"{")
        live = "GET /api/health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port)) as connection:  # by now it has taken the others
            connection.sendall(live.encode())
            assert b"200 OK" in connection.recv(1000)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_body_that_does_not_come_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "BODY_PATIENCE", 0.2)
    json_post = "POST /api/experiments HTTP/1.1\r\ncontent-type: application/json"
    page_file = "PUT /_stcore/upload_file/session/file HTTP/1.1\r\ncontent-type: text/plain"
    with served() as port:
        for asked in (json_post, page_file):
            headers = "host: 127.0.0.1\r\ncontent-length: 9\r\nconnection: close\r\n\r\n"
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(f"{asked}\r\n{headers}{{".encode())
                answer = connection.recv(10_000)
            assert answer.startswith(b"HTTP/1.1 408 "), asked
            assert b"send it again" in answer


def test_no_answer_can_be_framed_elsewhere(api: Api, spec: ExperimentSpec) -> None:
    with served() as port:
        for path in ("/api/health/live", "/api/typo", "/api/experiments/last/export/csv"):
            answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60)
            (policy,) = answer.headers.get_list("content-security-policy")
            assert re.search("frame-ancestors '(self|none)'", policy), path
