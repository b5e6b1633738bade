"""From the leaderboard down to a document, and back; by keyboard where that is quicker."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from evaluator.domain.status import ACTIVE
from evaluator.remote.client import Client
from tests.e2e.test_browser import heading

HOSTILE = "<script>document.title='broken'</script> **bold** <img src=x onerror=alert(1)>"
SETTLED = 60
"""Seconds until an upload is read, and a small experiment finished."""


@pytest.fixture(scope="session")
def hostile(address: str, client: Client) -> str:
    """A finished experiment over documents and queries that try to be more than text; its id."""
    with httpx.Client(base_url=f"{address}/api", headers={"x-evaluator-upload": "1"}, timeout=30) as api:
        upload = f"/uploads/{api.post('/uploads', json={}).json()['id']}"
        for name, rows in (
            ("corpus.jsonl", [{"_id": "d", "title": "", "text": HOSTILE}]),
            ("queries.jsonl", [{"_id": "q", "text": HOSTILE}]),
        ):
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            api.put(f"{upload}/files/{name}", content=lines.encode())
        api.put(f"{upload}/files/qrels.tsv", content=b"query-id\tcorpus-id\tscore\nq\td\t1\n")
        api.post(f"{upload}/recognise", json={})
        reading = _settled(api, upload)["recognised"]["reading"]
        api.post(f"{upload}/check", json={"reading": reading, "exclude_self": False})
        _settled(api, upload)
        api.post(f"{upload}/store", json={"name": "hostile"}).raise_for_status()
    variants = "[{name: bm25, retrieve: {bm25: {}}}, {name: other, retrieve: {bm25: {k1: 2}}}]"
    id_ = str(client.submit(f"name: hostile\ndataset: hostile\nvariants: {variants}\n")["id"])
    deadline = time.monotonic() + SETTLED
    while client.progress(id_)["status"] in ACTIVE:
        assert time.monotonic() < deadline, "the experiment does not finish"
        time.sleep(0.2)
    return id_


def _settled(api: httpx.Client, upload: str) -> dict[str, Any]:
    deadline = time.monotonic() + SETTLED
    while (state := api.get(upload).json())["status"] in ("recognising", "checking"):
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    found: dict[str, Any] = state
    return found


def documents(page: Page, variant: str) -> list[str]:
    """Titles of a list's documents, from the top."""
    titles = page.get_by_role("region", name=variant, exact=True).locator("li[data-doc] .title")
    expect(titles.first).to_be_visible()
    return titles.all_inner_texts()


def test_from_the_leaderboard_to_a_document_and_back(page: Page, finished_demo: str, n_queries: int) -> None:
    page.goto(f"/?experiment={finished_demo}")
    heading(page, "Leaderboard")
    page.get_by_test_id("stMain").get_by_role("link", name="Query by query").click()
    heading(page, "Query by query")
    page.goto(f"/query?experiment={finished_demo}&variants=minilm,bm25")
    expect(page.get_by_text(re.compile(rf"^Query 1 of {n_queries} · minilm − bm25: \+"))).to_be_visible()
    expect(page.locator("svg path[data-doc]").first).to_be_attached()
    before = page.url
    title = documents(page, "minilm")[0]
    first = page.get_by_role("region", name="minilm", exact=True).locator("li[data-doc] .title").first

    page.get_by_text("minilm − bm25").click()  # the keyboard belongs to the page, not to a field
    page.keyboard.press("n")
    expect(page.get_by_text(re.compile(f"^Query 2 of {n_queries}"))).to_be_visible()
    assert page.url != before
    page.keyboard.press("p")
    expect(page.get_by_text(re.compile(f"^Query 1 of {n_queries}"))).to_be_visible()

    expect(first).to_have_text(title)
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/datasets?dataset=python-stdlib&tab=documents&document=*")
    heading(page, "python-stdlib")
    expect(page.get_by_text(title).first).to_be_visible()
    page.go_back()
    heading(page, "Query by query")
    expect(first).to_have_text(title)
    page.get_by_test_id("stMain").get_by_role("link", name="Leaderboard").click()
    heading(page, "Leaderboard")


def test_any_query_is_answered_by_the_workers(page: Page, client: Client, finished_demo: str) -> None:
    page.goto(f"/query?experiment={finished_demo}&variants=minilm,bm25&ask=")
    query = page.get_by_role("textbox", name="Query")
    query.fill("read rows of a csv file")
    page.keyboard.press("Enter")
    page.wait_for_url("**ask=read+rows+of+a+csv+file*")
    expect(page.get_by_role("region", name="minilm", exact=True).locator("li[data-doc]")).to_have_count(10)
    expect(page.get_by_role("region", name="bm25", exact=True).locator("li[data-doc]")).to_have_count(10)


@pytest.mark.parametrize("width", [390, 1280])
def test_what_strangers_wrote_is_shown_as_text(page: Page, client: Client, hostile: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/query?experiment={hostile}")
    expect(page.get_by_test_id("stText").first).to_have_text(HOSTILE)
    shown = page.get_by_role("region", name="bm25", exact=True).locator("li[data-doc]").first
    expect(shown).to_contain_text(HOSTILE)
    expect(shown.locator("img, script, strong")).to_have_count(0)
    assert page.title() != "broken"
    wider = page.evaluate(
        "[...document.querySelectorAll('.stMain, .stMainBlockContainer')].some(e => e.scrollWidth > innerWidth)"
    )
    assert not wider
