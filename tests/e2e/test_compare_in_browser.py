"""Comparing variants in a browser: from the sentence down to one query, and back."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def test_from_a_comparison_to_one_query_and_back(page: Page, finished_demo: str) -> None:
    page.goto(f"/compare?experiment={finished_demo}&a=minilm&b=bm25&slice=relevant")
    headline = page.get_by_role("heading", name=re.compile(r"minilm .*nDCG@10.* wins"))
    expect(headline).to_be_visible()
    expect(page.get_by_text("How alike are the lists?")).to_be_visible()
    table = page.get_by_test_id("stDataFrame").first
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)  # what is drawn later would move the table
    table.scroll_into_view_if_needed()
    table.click(position={"x": 15, "y": 52})  # the box that chooses the first row
    expect(page).to_have_url(re.compile(rf"/query\?.*experiment={finished_demo}.*variants=minilm%2Cbm25"))
    page.go_back()
    expect(headline).to_be_visible()
    expect(page).to_have_url(re.compile(r"/compare\?.*a=minilm&b=bm25.*slice=relevant"))


def test_swapping_keeps_the_view(page: Page, finished_demo: str) -> None:
    page.goto(f"/compare?experiment={finished_demo}&a=minilm&b=bm25")
    page.get_by_text("Relevant documents", exact=True).click()
    expect(page).to_have_url(re.compile("slice=relevant"))
    page.get_by_role("button", name="Swap").click()
    expect(page).to_have_url(re.compile(r"a=bm25&b=minilm.*slice=relevant"))
    expect(page.get_by_role("heading", name=re.compile(r"minilm .*nDCG@10"))).to_be_visible()


def test_all_against_one_leads_to_each_pair(page: Page, finished_demo: str) -> None:
    page.goto(f"/compare?experiment={finished_demo}&baseline=bm25")
    expect(page.get_by_role("heading", name=re.compile("Against bm25: of 4 variants"))).to_be_visible()
    page.get_by_test_id("stDataFrame").first.click(position={"x": 15, "y": 52})
    expect(page).to_have_url(re.compile(r"/compare\?.*b=bm25"))
    expect(page.get_by_text("Query by query", exact=True)).to_be_visible()
