"""An instance with accounts in a real browser: signing in, joining by a link, and being signed out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import START_TIMEOUT, free_port, wait_until_ready
from tests.e2e.test_browser import heading

PASSWORD, PHRASE = "correct horse battery", "another good phrase"


class Shared:
    """An instance whose administrator is ann, and commands on its machine."""

    def __init__(self, folder: Path) -> None:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("EVALUATOR_", "REDIS_"))
        }
        self.environment = {**clean, "EVALUATOR_HOME": str(folder / "home"), "EVALUATOR_AUTH": "password"}
        self._folder = folder
        self.address = f"http://127.0.0.1:{free_port()}"

    def command(self, *arguments: str, given: str = "") -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "evaluator.cli", *arguments],
            env=self.environment, cwd=self._folder, input=given, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def serve(self) -> subprocess.Popen[bytes]:
        """Start it."""
        port = self.address.rpartition(":")[2]
        return subprocess.Popen(
            [sys.executable, "-m", "evaluator.cli", "up", "--workers", "0", "--port", port],
            env=self.environment, cwd=self._folder,
        )  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    instance = Shared(tmp_path_factory.mktemp("shared"))
    instance.command("account", "add-admin", "ann", "--password-stdin", given=PASSWORD)
    process = instance.serve()
    try:
        wait_until_ready(f"{instance.address}/api/health/live", process)
        yield instance
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_TIMEOUT)


def test_from_an_invitation_to_a_closed_account(shared: Shared, browser: Browser) -> None:
    ann = browser.new_context(base_url=shared.address).new_page()
    ann.goto("/datasets?dataset=nothing")
    expect(ann).to_have_url(re.compile("/login"))
    sign_in(ann, "wrong")
    expect(ann.get_by_role("alert")).to_have_text("the name or the password is wrong")
    sign_in(ann, PASSWORD)
    expect(ann.get_by_text("nothing", exact=False).first).to_be_visible()
    ann.goto("/datasets")
    heading(ann, "Datasets")
    expect(ann.get_by_role("button", name="Upload a dataset")).to_be_visible()
    expect(ann.get_by_test_id("stSidebar").get_by_text("ann", exact=True)).to_be_visible()

    bob = browser.new_context(base_url=shared.address, color_scheme="dark").new_page()
    bob.goto(shared.command("account", "invite", "bob", "--role", "viewer"))
    bob.get_by_label("Password").fill(PHRASE)
    bob.get_by_label("Once more").fill(PHRASE)
    bob.get_by_role("button", name="Continue").click()
    heading(bob, "Leaderboard")
    expect(bob.get_by_text("once somebody has run an experiment")).to_be_visible()
    expect(bob.get_by_role("link", name="Upload")).to_have_count(0)

    shared.command("account", "change", "bob", "--close")
    bob.get_by_role("link", name="Datasets").click()  # over the WebSocket that is still open
    expect(bob.get_by_text("You are signed out.")).to_be_visible()
    bob.get_by_role("link", name="Sign in").click()
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()

    ann.get_by_role("link", name="Sign out").click()
    ann.get_by_role("button", name="Sign out").click()
    expect(ann.get_by_role("heading", name="Sign in")).to_be_visible()


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
