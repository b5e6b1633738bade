"""People whom a proxy signs in, below a path, in a real browser: pages, files, figures and the queue's pages."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import write_beir
from tests.e2e.conftest import START_TIMEOUT, Watch, wait_until_ready
from tests.e2e.test_browser import heading
from tests.e2e.test_signing_in import Shared
from tests.header_proxy import HeaderProxy, header_proxy
from tests.integration.conftest import experiment_yaml

PREFIX = "/evaluator"
GROUPS = [{"group": "readers", "role": "viewer"}, {"group": "operators", "admin": True}]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shared, HeaderProxy]]:
    """An instance with an experiment, behind a proxy that names bob."""
    folder = tmp_path_factory.mktemp("proxied")
    instance = Shared(folder)
    write_beir(folder / "tiny")
    variants = {"bm25": {"bm25": {}}, "another": {"bm25": {"k1": 1.5}}}
    (folder / "look.yaml").write_text(experiment_yaml("tiny", variants))
    instance.command("run", "look.yaml", "--workers", "1")
    instance.environment |= {
        "EVALUATOR_AUTH": "proxy",
        "EVALUATOR_TRUSTED_PROXIES": '["127.0.0.1"]',
        "EVALUATOR_PROXY_GROUPS_HEADER": "X-Groups",
        "EVALUATOR_PROXY_GROUPS": json.dumps(GROUPS),
        "EVALUATOR_PATH_PREFIX": PREFIX,
    }
    process = instance.serve()
    port = int(instance.address.rpartition(":")[2])
    try:
        wait_until_ready(f"{instance.address}/api/health/live", process)
        with header_proxy(port, "bob", PREFIX) as proxy:
            yield instance, proxy
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_TIMEOUT)


def test_everything_works_below_a_path(proxied: tuple[Shared, HeaderProxy], browser: Browser) -> None:
    _, proxy = proxied
    here = f"http://127.0.0.1:{proxy.port}"
    page = browser.new_context(base_url=here).new_page()
    watch = Watch(page)
    page.goto(f"{PREFIX}/")
    heading(page, "Leaderboard")
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("bob", exact=True)).to_be_visible()
    expect(sidebar.get_by_role("link", name="Sign out")).to_have_count(0)

    page.get_by_role("button", name="Share").click()
    with page.context.expect_page() as report:
        page.get_by_role("link", name="Read the report").click()
    expect(report.value.get_by_role("heading", name="Scores")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Scores of every query (CSV)").click()
    assert saved.value.suggested_filename.endswith(".zip") or saved.value.suggested_filename.endswith(".csv")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Compare").first.click()
    heading(page, "Compare")
    expect(page).to_have_url(re.compile(rf"^{here}{PREFIX}/compare"))
    with page.expect_download() as figure:
        page.get_by_role("link", name="SVG").first.click()
    assert figure.value.suggested_filename.endswith(".svg")
    page.reload()
    heading(page, "Compare")

    proxy.groups = "readers,operators"
    page.goto(f"{PREFIX}/workers")
    heading(page, "Queue")
    with page.context.expect_page() as queue:
        page.get_by_role("link", name="All jobs, one by one").click()
    expect(queue.value).to_have_url(f"{here}{PREFIX}/queue/")
    expect(queue.value.get_by_role("heading", name="Queues")).to_be_visible()
    proxy.groups = "readers"
    assert [error for error in watch.errors if PREFIX not in error] == []


def test_an_open_page_knows_when_the_account_is_closed(
    proxied: tuple[Shared, HeaderProxy], browser: Browser
) -> None:
    instance, proxy = proxied
    page = browser.new_context(base_url=f"http://127.0.0.1:{proxy.port}").new_page()
    page.goto(f"{PREFIX}/datasets")
    heading(page, "Datasets")
    instance.command("account", "change", "bob", "--close")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto(f"{PREFIX}/datasets")
    expect(page.get_by_role("heading", name="No account")).to_be_visible()
    instance.command("account", "change", "bob", "--open")


def test_whoever_the_proxy_does_not_name_sees_nothing(
    proxied: tuple[Shared, HeaderProxy], browser: Browser
) -> None:
    instance, proxy = proxied
    with header_proxy(int(instance.address.rpartition(":")[2]), None, PREFIX) as silent:
        page = browser.new_context(base_url=f"http://127.0.0.1:{silent.port}").new_page()
        page.goto(f"{PREFIX}/datasets")
        expect(page).to_have_url(f"http://127.0.0.1:{silent.port}{PREFIX}/login?next=%2Fdatasets")
        expect(page.get_by_text("Open this server by its proxy")).to_be_visible()
        forged = {"x-forwarded-user": "bob", "x-groups": "readers"}
        answer = httpx.get(f"http://127.0.0.1:{silent.port}{PREFIX}/api/whoami", headers=forged)
        assert answer.status_code == 401
    assert httpx.get(f"http://127.0.0.1:{proxy.port}{PREFIX}/api/whoami").json()["name"] == "bob"
