"""A real Apache that signs people in with mod_auth_openidc, as docs/hosting.md sets it up, before an instance."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser, expect

from tests.apache import apache, unpacked
from tests.conftest import ROOT
from tests.e2e.conftest import START_TIMEOUT, free_port, wait_until_ready
from tests.e2e.test_browser import heading
from tests.e2e.test_signing_in import Shared

GROUPS = '[{"group": "search-team", "role": "editor"}]'
DOCUMENTED = re.compile(r"```apache\n(<Location /evaluator/>.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    """Where Apache is unpacked; kept for the next time."""
    cache = pytestconfig.cache
    assert cache is not None
    folder = cache.mkdir("apache")
    if why := unpacked(folder):
        pytest.skip(why)
    return folder


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Apache shows the instance."""
    folder, port = tmp_path_factory.mktemp("apache"), free_port()
    folder.chmod(0o755)
    instance = Shared(folder)
    instance.environment |= {
        "EVALUATOR_AUTH": "proxy",
        "EVALUATOR_TRUSTED_PROXIES": '["127.0.0.1"]',
        "EVALUATOR_PROXY_GROUPS_HEADER": "X-Forwarded-Groups",
        "EVALUATOR_PROXY_GROUPS": GROUPS,
        "EVALUATOR_PATH_PREFIX": "/evaluator",
    }
    found = DOCUMENTED.search((ROOT / "docs" / "hosting.md").read_text(encoding="utf-8"))
    assert found is not None
    documented = found.group(1).replace("http://10.0.0.7:8501", instance.address)
    documented = documented.replace("  RequestHeader set X-Forwarded-Proto https\n", "")  # here it is http
    claims = {"preferred_username": "bob", "groups": ["readers", "search-team"]}
    process = instance.serve()
    try:
        wait_until_ready(f"{instance.address}/api/health/live", process)
        with run_server_in_thread(user_claims=[User(sub="7", claims=claims)]) as mock:
            issuer = f"http://localhost:{mock.server_port}"
            with apache(root, folder, port, issuer, documented):
                yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_TIMEOUT)


def test_whoever_apache_signs_in_comes_in(address: str, browser: Browser) -> None:
    context = browser.new_context(base_url=address, extra_http_headers={"x-forwarded-user": "mallory"})
    page = context.new_page()
    page.goto("/evaluator/datasets")
    page.get_by_role("button", name="7", exact=True).first.click()
    heading(page, "Datasets")
    expect(page).to_have_url(f"{address}/evaluator/datasets")
    expect(page.get_by_test_id("stSidebar").get_by_text("bob", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Upload", exact=True)).to_be_visible()  # an editor
    answer = page.request.get("/evaluator/api/whoami").json()
    assert (answer["name"], answer["role"], answer["way"]) == ("bob", "editor", "proxy")
