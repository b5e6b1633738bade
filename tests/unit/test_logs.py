"""Log lines: their form, what they are about, and what never is in them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from evaluator import logs
from evaluator.jobs import queue as job_queue
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.jobs.queue import enqueue, job_data
from evaluator.location import app_folder
from evaluator.logs import JsonFormatter, TextFormatter, bind, bound
from evaluator.settings import Settings
from evaluator.urls import hide_passwords, shown_url
from tests.unit.jobs.conftest import run_next

ROOT = Path(__file__).resolve().parents[2]
MOMENT = 1_700_000_000.25
"""2023-11-14 22:13:20.250 UTC."""


def record(message: str, *args: object, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord("evaluator.toy", logging.WARNING, "toy.py", 1, message, args, None)
    made.created = MOMENT
    made.__dict__.update(attributes)
    return made


def as_json(made: logging.LogRecord) -> Any:
    line = JsonFormatter().format(made)
    assert "\n" not in line
    return json.loads(line)


@pytest.fixture(autouse=True)
def nothing_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_bound", {})


class TestJson:
    def test_a_line_has_time_level_logger_and_message(self) -> None:
        assert as_json(record("%d of %d", 1, 2)) == {
            "time": "2023-11-14T22:13:20.250Z",
            "level": "WARNING",
            "logger": "evaluator.toy",
            "message": "1 of 2",
        }

    def test_an_exception_is_one_field(self) -> None:
        try:
            raise ValueError("broken\ntwice")
        except ValueError:
            line = as_json(record("it broke", exc_info=sys.exc_info()))
        assert line["message"] == "it broke"
        assert line["exception"].startswith("Traceback (most recent call last):\n")
        assert line["exception"].endswith("ValueError: broken\ntwice")

    @pytest.mark.parametrize("text", ["zwei\nZeilen", 'a "quoted" word', "日本語", "\udc80", "\x00\x1b"])
    def test_whatever_is_said_stays_one_line(self, text: str) -> None:
        assert as_json(record("%s", text))["message"] == text

    def test_what_is_bound_is_in_every_line_of_every_thread(self) -> None:
        lines: list[Any] = []
        bind(worker="w1")
        with bound({"job": "evaluate-1", "experiment": "e1", "variant": "bm25"}):
            thread = threading.Thread(target=lambda: lines.append(as_json(record("beside it"))))
            thread.start()
            thread.join()
        lines.append(as_json(record("after it")))
        about = [{name: line.get(name) for name in logs.FIELDS} for line in lines]
        assert about == [
            {"experiment": "e1", "variant": "bm25", "job": "evaluate-1", "worker": "w1"},
            {"experiment": None, "variant": None, "job": None, "worker": "w1"},
        ]

    def test_what_was_bound_before_is_back_after_an_error(self) -> None:
        with bound({"job": "outer"}):
            with pytest.raises(ValueError, match="broken"), bound({"job": "inner"}):
                raise ValueError("broken")
            assert as_json(record("x"))["job"] == "outer"

    def test_a_single_line_may_say_what_it_is_about(self) -> None:
        assert as_json(record("x", experiment="e1"))["experiment"] == "e1"


class TestText:
    def test_a_line_says_the_same(self) -> None:
        with bound({"job": "evaluate-1", "experiment": "e1"}):
            line = TextFormatter().format(record("it %s", "broke"))
        assert line.endswith(" WARNING evaluator.toy it broke [experiment=e1 job=evaluate-1]")

    @pytest.mark.parametrize("text", ["two\nERROR lines", "\x1b[2J", "\x9b31m", "\u202egnp"])
    def test_what_is_said_neither_begins_a_line_nor_acts_on_a_terminal(self, text: str) -> None:
        with bound({"variant": text}):
            line = TextFormatter().format(record("%s", text))
        assert line.isprintable()

    def test_a_traceback_keeps_its_lines_and_nothing_else(self) -> None:
        try:
            raise ValueError("broken\n\x1b[2J")
        except ValueError:
            lines = TextFormatter().format(record("it broke", exc_info=sys.exc_info())).split("\n")
        assert len(lines) > 3
        assert all(line.isprintable() for line in lines)

    def test_nothing_is_added_where_nothing_is_known(self) -> None:
        assert TextFormatter().format(record("it broke")).endswith(" it broke")


class TestPasswords:
    @pytest.mark.parametrize(
        ("said", "written"),
        [
            ("redis://:secret@queue:6379/0", "redis://:***@queue:6379/0"),
            ("rediss://user:secret@queue", "rediss://user:***@queue"),
            ("redis://user:se@cr/et@queue/0", "redis://user:***@queue/0"),
            ("unix:///run/valkey.sock?db=1&password=secret", "unix:///run/valkey.sock?db=1&password=***"),
        ],
    )
    def test_of_urls_are_hidden(self, said: str, written: str) -> None:
        assert shown_url(said) == written  # what else hides them agrees
        assert hide_passwords(f"no Redis answers at {said} (refused)") == (
            f"no Redis answers at {written} (refused)"
        )

    @pytest.mark.parametrize(
        "text", ["http://127.0.0.1:8501/queue", "a@b.example", "redis://queue:6379/0", "10:30 at the pub"]
    )
    def test_all_else_stays(self, text: str) -> None:
        assert hide_passwords(text) == text

    @pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
    def test_are_in_no_line_and_no_exception(self, formatter: logging.Formatter) -> None:
        try:
            raise ValueError("cannot reach redis://:secret@queue")
        except ValueError:
            made = record("at %s", "redis://:secret@queue", exc_info=sys.exc_info())
        line = formatter.format(made)
        assert "secret" not in line
        assert line.count("redis://:***@queue") == 3  # message, error, and its line of code


SAYS_MUCH = """
import logging, sys, threading, warnings
from rq.logutils import setup_loghandlers
from evaluator.logs import configure, through_root
from evaluator.settings import Settings
from evaluator.urls import hide_passwords, shown_url

own = logging.getLogger("library")  # as Streamlit does
own.propagate = False
own.addHandler(logging.StreamHandler())
through_root(own)
configure(Settings(), "json")
setup_loghandlers("WARNING")  # as RQ's worker does
logging.getLogger("evaluator.toy").info("ours")
logging.getLogger("rq.worker").warning("rq's")
logging.getLogger("rq.worker").info("every job")
logging.getLogger("library").info("a library's")
warnings.warn("a warning")
thread = threading.Thread(target=lambda: 1 / 0, name="toy")
thread.start()
thread.join()
raise RuntimeError("the end")
"""


class TestProcess:
    """What a process writes, whoever says it."""

    @pytest.fixture
    def said(self, request: pytest.FixtureRequest) -> Iterator[list[str]]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EVALUATOR_")}
        done = subprocess.run(
            [sys.executable, "-c", SAYS_MUCH],
            env={**environment, "PYTHONPATH": str(ROOT), **request.param},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stdout == ""
        assert done.returncode == 1
        yield done.stderr.splitlines()

    @pytest.mark.parametrize("said", [{}], indirect=True)
    def test_every_line_is_json(self, said: list[str]) -> None:
        lines = [json.loads(line) for line in said]
        assert [line["logger"] for line in lines] == [
            "evaluator.toy",
            "rq.worker",
            "library",
            "py.warnings",
            "evaluator.logs",
            "evaluator.logs",
        ]
        assert lines[4]["message"] == "the thread toy ends: division by zero"
        assert "ZeroDivisionError" in lines[4]["exception"]
        assert lines[5]["message"] == "the process ends: the end"
        assert "RuntimeError" in lines[5]["exception"]

    @pytest.mark.parametrize(
        "said", [{"EVALUATOR_LOG_FORMAT": "text", "EVALUATOR_LOG_LEVEL": "warning"}], indirect=True
    )
    def test_or_text_as_the_settings_say(self, said: list[str]) -> None:
        assert said[0].endswith(" WARNING rq.worker rq's")
        assert said[-1] == "RuntimeError: the end"


PAGE_FAILS = r"""
import streamlit.logger
from streamlit import config, error_util
from evaluator import logs
from evaluator.settings import Settings

config.get_config_options()
logs.configure(Settings(), "json")  # as app.py does
streamlit.logger.setup_formatter = logs.through_root
streamlit.logger.update_formatter()
error_util.handle_uncaught_app_exception(RuntimeError("\x1b]0;title\x07\n{}\nredis://:secret@queue/0"))
"""


def test_a_pages_exception_is_a_line_like_all_others() -> None:
    """Streamlit would draw it with Rich: over many lines, with the message's escapes and passwords."""
    done = subprocess.run(
        [sys.executable, "-c", PAGE_FAILS],
        cwd=app_folder(),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    failures = [
        line
        for line in map(json.loads, done.stderr.splitlines())
        if "RuntimeError" in line.get("exception", "")
    ]
    assert len(failures) == 1
    assert "\x1b" not in done.stderr
    assert "secret" not in done.stderr


@pytest.fixture
def written() -> Iterator[list[Any]]:
    """The lines of RQ's worker, from now on."""
    lines: list[Any] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(as_json(record))

    keep = Keep()
    logging.getLogger("rq.worker").addHandler(keep)
    yield lines
    logging.getLogger("rq.worker").removeHandler(keep)


def test_a_running_job_is_in_every_line_of_its_worker(
    connection: Redis, written: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in RQ's own: it tells of the exception. And in none after the job."""
    monkeypatch.setattr(job_queue, "TASKS", "tests.unit.jobs.toys")
    worker = WarmWorker(connection)
    bind(worker=worker.name)
    evaluation = job_data(Settings(attempts=1), "evaluate", ("e1", "bm25", ["q1"]), "evaluate-e1")
    enqueue(connection, [evaluation])
    run_next(worker)
    broken = next(line for line in written if "bm25 of e1 cannot be evaluated" in line["message"])
    assert {name: broken[name] for name in logs.FIELDS} == {
        "experiment": "e1",
        "variant": "bm25",
        "job": "evaluate-e1",
        "worker": worker.name,
    }
    assert "job" not in as_json(record("after it"))
