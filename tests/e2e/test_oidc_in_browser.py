"""Signing in by OpenID Connect in a real browser, at two real providers."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import START_TIMEOUT, free_port, wait_until_ready
from tests.e2e.test_browser import heading
from tests.e2e.test_signing_in import PASSWORD, Shared, sign_in

OIDC_PROVIDER = "oidc-provider@9.13.3"
INSTALL_TIMEOUT = 240
GROUPS = [{"group": "writers", "role": "editor"}, {"group": "readers", "role": "viewer"}]


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Path:
    """The folder in which npm's oidc-provider is installed; kept for the next time."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no npm, with which oidc-provider is installed")
    cache = pytestconfig.cache
    assert cache is not None
    folder = cache.mkdir(OIDC_PROVIDER.replace("@", "-"))
    if not (folder / "node_modules" / "oidc-provider" / "package.json").exists():
        (folder / "package.json").write_text('{"private": true}')
        command = [
            npm,
            "install",
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            OIDC_PROVIDER,
        ]
        subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_TIMEOUT, capture_output=True)
    shutil.copy(Path(__file__).with_name("oidc_provider.mjs"), folder)
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[Shared]:
    """An instance to which people sign in at a mock, at npm's oidc-provider, or with a password."""
    instance = Shared(tmp_path_factory.mktemp("shared"))
    instance.command("account", "add-admin", "ann", "--password-stdin", given=PASSWORD)
    port = free_port()
    redirect = f"{instance.address}/login/oidc/node/callback"
    node = subprocess.Popen(["node", "oidc_provider.mjs", str(port), redirect], cwd=installed)
    people = [
        User(sub="7", claims={"preferred_username": "bob", "groups": ["readers"]}),
        User(sub="8", claims={"preferred_username": "Ann", "groups": ["readers"]}),
        User(sub="9", claims={"preferred_username": "mallory"}),
    ]
    with run_server_in_thread(user_claims=people) as mock:
        providers: list[dict[str, object]] = [
            {"name": "mock", "label": "Mock", "issuer": f"http://localhost:{mock.server_port}"},
            {"name": "node", "label": "Node", "issuer": f"http://127.0.0.1:{port}",
             "scopes": ["openid", "profile", "email", "groups"]},
        ]  # fmt: skip
        given: dict[str, object] = {
            "client_id": "evaluator",
            "client_secret": "OIDC_SECRET",
            "groups": GROUPS,
        }
        instance.environment |= {
            "EVALUATOR_AUTH": "password,oidc",
            "EVALUATOR_OIDC_PROVIDERS": json.dumps([each | given for each in providers]),
            "OIDC_SECRET": "a secret/of+the client",
        }
        process = instance.serve()
        try:
            wait_until_ready(f"{instance.address}/api/health/live", process)
            _wait_for(f"http://127.0.0.1:{port}/.well-known/openid-configuration")
            yield instance
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=START_TIMEOUT)
            node.terminate()
            node.wait(timeout=START_TIMEOUT)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the provider does not answer"
            time.sleep(0.1)


def opened(browser: Browser, shared: Shared) -> Page:
    return browser.new_context(base_url=shared.address).new_page()


def at_mock(page: Page, person: str) -> None:
    page.get_by_role("button", name="Sign in with Mock").click()
    page.get_by_role("button", name=person, exact=True).first.click()


def test_somebody_signs_in_at_the_mock_and_out(shared: Shared, browser: Browser) -> None:
    page = opened(browser, shared)
    page.goto("/datasets?dataset=nothing")
    at_mock(page, "7")
    expect(page).to_have_url(f"{shared.address}/datasets?dataset=nothing")
    expect(page.get_by_test_id("stSidebar").get_by_text("bob", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Upload")).to_have_count(0)  # a reader
    page.get_by_role("link", name="Account").click()
    heading(page, "Account")
    expect(page.get_by_text("Change the password")).to_have_count(0)
    page.get_by_text("Other ways to sign in").click()
    expect(page.get_by_text("Mock · 7")).to_be_visible()
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    heading(page, "Sign in")


def test_whoever_cancels_or_is_a_stranger_learns_why_nothing_happened(
    shared: Shared, browser: Browser
) -> None:
    page = opened(browser, shared)
    page.goto("/login")
    page.get_by_role("button", name="Sign in with Mock").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("you did not sign in at Mock")
    page.get_by_role("link", name="Sign in").click()
    at_mock(page, "9")
    expect(page.get_by_role("alert")).to_contain_text("nothing says what you may do here")
    page.get_by_role("link", name="Sign in").click()
    at_mock(page, "8")  # who calls herself like the administrator
    expect(page.get_by_role("alert")).to_contain_text("there is an account 'Ann' already")


def test_claims_come_from_the_userinfo_of_npms_provider(shared: Shared, browser: Browser) -> None:
    page = opened(browser, shared)
    page.goto("/login")
    page.get_by_role("button", name="Sign in with Node").click()
    page.get_by_placeholder("Enter any login").fill("carl")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    heading(page, "Leaderboard")
    expect(page.get_by_test_id("stSidebar").get_by_text("carl of node", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Upload", exact=True)).to_be_visible()  # a writer


def test_somebody_links_a_provider_and_signs_in_by_it(shared: Shared, browser: Browser) -> None:
    page = opened(browser, shared)
    page.goto("/login")
    sign_in(page, PASSWORD)
    page.get_by_role("link", name="Account").click()
    page.get_by_text("Other ways to sign in").click()
    page.get_by_role("link", name="Link another one").click()
    page.get_by_role("button", name="Link Mock").click()
    page.get_by_role("button", name="8", exact=True).first.click()
    expect(page).to_have_url(re.compile("/account$"))
    again = opened(browser, shared)
    again.goto("/login")
    at_mock(again, "8")
    expect(again.get_by_test_id("stSidebar").get_by_text("ann", exact=True)).to_be_visible()
    shared.command("account", "change", "bob", "--close")
