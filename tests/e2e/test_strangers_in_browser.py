"""What strangers wrote, in a real browser: every text is markup, and nothing comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Dialog, Page, expect

from evaluator.domain.printable import one_line
from evaluator.domain.status import ACTIVE
from evaluator.remote.client import Client
from tests.e2e.conftest import START_TIMEOUT
from tests.hostile import (
    ESCAPES,
    FORMULAS,
    IDS,
    MARKUP,
    NAME,
    RICH,
    TAGS,
    VARIANTS,
    hostile_experiment,
    write_hostile,
)

UPLOADED = {"x-evaluator-upload": "1", "content-type": "application/json"}
LINES = (*MARKUP, *ESCAPES[:-1], *RICH, *FORMULAS[:5])
"""Of the description."""


@pytest.fixture(scope="module")
def hostile(
    address: str, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A dataset whose every string is hostile, and a finished experiment over it: `upload`, `experiment`."""
    folder = write_hostile(tmp_path_factory.mktemp("hostile") / "beir")
    with httpx.Client(base_url=address, headers=UPLOADED, timeout=START_TIMEOUT) as rest:
        upload = f"/api/uploads/{rest.post('/api/uploads', json={}).json()['id']}"
        for path in folder.rglob("*.*"):
            rest.put(f"{upload}/files/{path.relative_to(folder)}", content=path.read_bytes())
        rest.post(f"{upload}/recognise", json={})
        reading = _until(rest, upload, "recognised")["recognised"]["reading"]
        rest.post(f"{upload}/check", json={"reading": reading, "exclude_self": False})
        _until(rest, upload, "checked")
        about = {"name": NAME, "description": "\n".join(LINES), "tags": TAGS}
        stored = rest.post(f"{upload}/store", json=about)
        assert stored.status_code == 200, stored.text
        experiment = client.submit(hostile_experiment(NAME))["id"]
        while client.progress(experiment)["status"] in ACTIVE:
            time.sleep(0.05)
        yield {"experiment": experiment}
        rest.request("DELETE", f"/api/experiments/{experiment}")
        client.delete_dataset(NAME)


def _until(rest: httpx.Client, upload: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        state: dict[str, Any] = rest.get(upload).json()
        if state["status"] == status:
            return state
        assert time.monotonic() < deadline and state["status"] != "failed", state
        time.sleep(0.05)


@pytest.fixture
def guarded(page: Page) -> Iterator[Page]:
    """A window in which a script that runs, or a dialog, fails the test."""
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    yield page
    assert dialogs == []


def test_markdown_shows_each_text_as_it_is(guarded: Page, hostile: dict[str, str]) -> None:
    guarded.goto(f"/datasets?{urlencode({'dataset': NAME})}")
    first = " ".join(one_line(LINES[0]).split())
    described = guarded.get_by_test_id("stMarkdownContainer").filter(has_text=first).filter(has_text="bell")
    expect(described).to_be_visible()
    shown = described.inner_text().split("\n")
    assert shown == [" ".join(one_line(line).split()) for line in LINES]
    # Nothing but text: neither links nor code, emoji, icons, formulas or colours.
    assert described.locator("p *:not(br):not(span)").count() == 0
    assert described.locator("p span[class], p span[style], p span[role]").count() == 0
    for tag in TAGS:
        expect(guarded.locator(".stMarkdownBadge").filter(has_text=tag)).to_be_visible()


def test_a_table_has_no_download_of_its_own(guarded: Page, hostile: dict[str, str]) -> None:
    """It would hand spreadsheets formulas; the button beside the table does not."""
    guarded.goto(f"/datasets?{urlencode({'dataset': NAME, 'tab': 'judgments'})}")
    guarded.get_by_test_id("stDataFrame").hover()
    expect(guarded.get_by_role("button", name="Search")).to_be_visible()
    expect(guarded.get_by_role("button", name="Download as CSV")).to_have_count(0)
    with guarded.expect_download() as saved:
        guarded.get_by_role("button", name="CSV", exact=True).click()
    assert saved.value.path().read_text(encoding="utf-8").startswith("query_id,doc_id,grade\n")


DRAWN = "a[href^=http]:not([href^='http://127.0.0.1']), a[href^=mailto], img[src*=elsewhere], [aria-label='home icon']"
"""What would be drawn of a text. The product's own links lead to itself, its own icons have other names."""
QUEUE = ("/queue/", "/queue/0/view/jobs/evaluator/finished/8/asc/1", "/queue/0/view/workers")
"""Whatever was asked of workers; a queue that is hostile itself: test_dashboard_script."""


def _addresses(experiment: str) -> Iterator[str]:
    """Every page with something hostile in it; every view of each: tests/ui."""
    here = {"experiment": experiment}
    one, other = VARIANTS[:2]
    yield f"/?{urlencode({**here, 'baseline': one})}"
    yield f"/compare?{urlencode({**here, 'a': one, 'b': other, 'baseline': other})}"
    yield f"/query?{urlencode({**here, 'query': IDS[0], 'variants': ','.join(VARIANTS), 'order': 'last'})}"
    yield f"/query?{urlencode({**here, 'ask': f'document {MARKUP[2]}'})}"
    yield f"/history?{urlencode({'dataset': NAME})}"
    yield "/experiments"
    yield f"/experiments?{urlencode(here)}"
    yield f"/experiments?{urlencode({'experiment': MARKUP[2]})}"  # an error that names it
    yield "/datasets"
    for tab in ("documents", "queries", "health", "versions", "settings"):
        yield f"/datasets?{urlencode({'dataset': NAME, 'tab': tab})}"
    yield f"/datasets?{urlencode({'dataset': NAME, 'tab': 'judgments', 'query': IDS[0]})}"
    yield "/workers"


def test_no_page_runs_a_script_loads_an_image_or_shows_a_dialog(
    guarded: Page, hostile: dict[str, str]
) -> None:
    for address in _addresses(hostile["experiment"]):
        guarded.goto(address)
        _settled(guarded)
        if "ask=" in address:  # it redraws itself until the answers are there
            expect(guarded.get_by_role("region", name="Ranked lists side by side")).to_be_visible()
        else:
            for summary in guarded.locator("[data-testid=stExpander] summary").all():
                summary.click()
            _settled(guarded)
        assert guarded.title().endswith("· Retrieval Evaluator"), address
        assert guarded.get_by_test_id("stMain").locator(DRAWN).count() == 0, address
    for address in QUEUE:
        guarded.goto(address)
        expect(guarded.get_by_text("evaluator").first).to_be_visible()
        assert guarded.title() == "RQ dashboard"


def _settled(page: Page) -> None:
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


@pytest.mark.parametrize("path", ["report", *(f"figures/{name}.svg" for name in ("scores", "scatter"))])
def test_shared_results_are_as_harmless(
    guarded: Page, address: str, hostile: dict[str, str], path: str
) -> None:
    answer = httpx.get(f"{address}/api/experiments/{hostile['experiment']}/{path}", timeout=START_TIMEOUT)
    assert answer.status_code == 200
    # As the attachment that it becomes: no header of the server protects it there.
    content_type = answer.headers["content-type"]
    guarded.route("**/saved", lambda route: route.fulfill(body=answer.content, content_type=content_type))
    guarded.goto("/saved")
    assert guarded.locator("svg").count() >= 1
    assert guarded.locator(f"{DRAWN}, img, script").count() == 0
    assert guarded.title() != "ran"
