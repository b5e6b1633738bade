"""Sharing results: the report, a figure, all data as one file; and the history page."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
from playwright.sync_api import Page, expect

from evaluator.remote.client import Client


def test_the_report_is_read_and_saved(page: Page, finished_demo: str, tmp_path: Path) -> None:
    page.goto(f"/?experiment={finished_demo}")
    page.get_by_role("button", name="Share").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Read the report").click()
    report = opened.value
    expect(report.get_by_role("heading", name="demo")).to_be_visible()
    expect(report.get_by_role("heading", name="Scores")).to_be_visible()
    assert report.locator("figure svg").count() >= 4
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the report").click()
    path = tmp_path / "report.html"
    saved.value.save_as(path)
    # As an attachment: no server, no network.
    alone = page.context.new_page()
    alone.goto(path.as_uri())
    expect(alone.get_by_role("heading", name="Scores")).to_be_visible()
    expect(alone.get_by_text("evaluator run", exact=True)).to_be_visible()


def test_all_data_is_downloaded_as_one_file(page: Page, finished_demo: str, tmp_path: Path) -> None:
    page.goto(f"/?experiment={finished_demo}")
    page.get_by_role("button", name="Share").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name=re.compile("DuckDB")).click()
    assert saved.value.suggested_filename == "demo.duckdb"
    path = tmp_path / "demo.duckdb"
    saved.value.save_as(path)
    with duckdb.connect(str(path), read_only=True) as opened:
        assert len(opened.execute("SELECT DISTINCT variant FROM lists").fetchall()) == 5


def test_a_figure_is_downloaded_as_shown(page: Page, finished_demo: str) -> None:
    page.goto(f"/compare?experiment={finished_demo}&a=minilm&b=bm25")
    expect(page.get_by_role("heading", name="Query by query")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="SVG").first.click()
    assert "minilm better" in Path(saved.value.path()).read_text(encoding="utf-8")


def test_from_a_leaderboard_to_its_history_and_back(page: Page, client: Client, finished_demo: str) -> None:
    page.goto(f"/?experiment={finished_demo}")
    page.get_by_test_id("stMain").get_by_role("link", name="History").click()
    expect(page).to_have_url(re.compile(r"/history\?dataset=.*measure=nDCG%4010"))
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    expect(page.get_by_text("An experiment in which nothing changed has no point.")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Leaderboard")).to_be_visible()
