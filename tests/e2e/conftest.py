"""A real instance (`evaluator up`) and a real Chromium, one of each for all browser tests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from evaluator.datasets.demo import write_demo_dataset
from evaluator.domain.status import ACTIVE
from evaluator.remote.client import Client

expect.set_options(timeout=30_000)
"""Milliseconds: the machine may be busy with other tests; what is there is seen at once."""

START_TIMEOUT = 60
"""Seconds until an instance must answer."""
DEMO_TIMEOUT = 240
"""Seconds for the demo; about 60 on two cores, half of them to distil an encoder."""

SMALLER = Path(__file__).parent / "part_of_the_library"
LIBRARY = ("abc.py", "argparse.py", "asyncio", "collections", "email", "heapq.py", "http", "json", "logging",
           "pathlib.py", "threading.py", "urllib")  # fmt: skip
"""What the demo reads here; all of the standard library is five times as much to encode."""

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-software-rasterizer")
"""Nothing here draws in three dimensions; to imitate a graphics card takes a third of the processor's time."""

PROBES = re.compile(r"/\w+/_stcore/(health|host-config)")
"""Streamlit's browser side looks for the server under a page's own path first, and takes 404 for an answer."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("e2e")
            item.add_marker("model")
            item.add_marker(pytest.mark.timeout(START_TIMEOUT + DEMO_TIMEOUT))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of the standard library that the demo reads."""
    folder = tmp_path_factory.mktemp("library")
    for name in LIBRARY:
        (folder / name).symlink_to(Path(sysconfig.get_path("stdlib"), name))
    return folder


@pytest.fixture(scope="session")
def n_queries(library: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many queries the demo has."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sysconfig, "get_path", lambda _name: str(library))
        write_demo_dataset(folder)
    return len((folder / "queries.jsonl").read_text().splitlines())


@pytest.fixture(scope="session")
def address(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a fresh instance serves: no dataset, no experiment."""
    port = free_port()
    home = tmp_path_factory.mktemp("e2e") / "home"
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("EVALUATOR_", "REDIS_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "evaluator.cli", "up", "--port", str(port)],
        env={**clean, "EVALUATOR_HOME": str(home), "PYTHONPATH": str(SMALLER), "TESTS_LIBRARY": str(library)},
        cwd=home.parent,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{url}/api/health", process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_TIMEOUT)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until an instance answers at an address, and is ready if it says so."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        assert process.poll() is None, "the instance ended"
        assert time.monotonic() < deadline, "the instance does not answer"
        try:
            if httpx.get(url).json().get("ready", True):
                return
        except httpx.TransportError:
            time.sleep(0.1)


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[Client]:
    """The instance's API."""
    with Client(address) as client:
        yield client


@pytest.fixture(scope="session")
def finished_demo(client: Client) -> str:
    """The demo's experiment, finished; its id. The first test does it in the browser; this is for those run alone."""
    id_ = str(client.start_demo()["id"])
    deadline = time.monotonic() + DEMO_TIMEOUT
    while client.progress(id_)["status"] in ACTIVE:
        assert time.monotonic() < deadline, "the demo does not finish"
        time.sleep(0.5)
    return id_


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own where there is none.

    Not for the whole session: Playwright leaves an event loop running, in which other tests cannot start theirs.
    """
    installed = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=installed, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def window(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A window of 1280 by 800. A module's tests share it, and so Streamlit's own files, which it loads once."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    yield context
    context.close()


class Watch:
    """What a page asked for elsewhere, and the errors on its console."""

    def __init__(self, page: Page) -> None:
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda opened: self._request(opened.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname != "127.0.0.1":
            self.elsewhere.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        path = urlsplit(message.location.get("url", "")).path
        if message.type == "error" and not PROBES.fullmatch(path):
            self.errors.append(f"{message.text} {path}")


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A tab of its own. Nothing may go wrong on its console, and nothing be asked for from elsewhere."""
    opened = window.new_page()
    watch = Watch(opened)
    yield opened
    for tab in window.pages:
        tab.close()
    window.clear_cookies()
    assert watch.elsewhere == []
    assert watch.errors == []
