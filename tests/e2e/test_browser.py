"""What a person does, in a real browser against a real instance."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from evaluator.remote.client import Client
from tests.e2e.conftest import DEMO_TIMEOUT

VARIANTS = {"bm25", "minilm", "static", "minilm + bm25", "static + bm25"}
PAGES = {
    "/": "Leaderboard",
    "/compare": "Compare",
    "/query": "Query by query",
    "/experiments": "Experiments",
    "/datasets": "Datasets",
    "/upload": "Upload a dataset",
    "/workers": "Queue",
}


def heading(page: Page, name: str) -> None:
    """Wait for a page's title."""
    expect(page.get_by_role("heading", name=name, exact=True, level=1)).to_be_visible()


def table_variants(page: Page) -> list[str]:
    """The leaderboard's first column, as assistive technology reads the grid."""
    cells = page.get_by_test_id("stDataFrame").locator("tbody [role=gridcell][aria-colindex='1']")
    expect(cells).not_to_have_count(0)
    return [cell.strip() for cell in cells.all_inner_texts()]


def chart_variants(page: Page) -> list[str]:
    """The chart's points from top to bottom."""
    points = page.get_by_test_id("stVegaLiteChart").locator("[aria-roledescription=point]")
    expect(points).not_to_have_count(0)
    named = [
        re.search(r"variant: ([^;]+)", point.get_attribute("aria-label") or "") for point in points.all()
    ]
    return [match.group(1) for match in named if match]


def test_the_demo_from_an_empty_instance_to_its_leaderboard(
    page: Page, client: Client, n_queries: int
) -> None:
    page.goto("/")
    heading(page, "Leaderboard")
    page.get_by_role("button", name="Run the demo").click()

    heading(page, "demo")
    state = page.locator(".stMarkdownBadge")
    expect(state).to_contain_text("running")
    expect(page.get_by_role("progressbar")).to_have_count(2 + 3 + len(VARIANTS))  # encoders, shared searches
    evaluated = page.get_by_test_id("stMetric").filter(has_text="Queries evaluated")
    expect(evaluated).to_contain_text("100 %", timeout=DEMO_TIMEOUT * 1000)
    expect(state).to_contain_text("finished")
    expect(page.get_by_text(f"100 % · {n_queries} of {n_queries} queries")).to_have_count(len(VARIANTS))

    page.get_by_test_id("stMain").get_by_role("link", name="Leaderboard").click()
    heading(page, "Leaderboard")
    expected = [row["variant"] for row in client.leaderboard("demo")["variants"]]
    assert set(expected) == VARIANTS
    wait_for_variants(page, expected)
    assert chart_variants(page) == expected
    expect(page.get_by_text(f"Means over {n_queries} of {n_queries} queries")).to_be_visible()


def test_the_dashboard_of_the_queue_answers(page: Page, finished_demo: str) -> None:
    page.goto("/workers")
    heading(page, "Queue")
    expect(page.get_by_role("link", name="All jobs, one by one")).to_have_attribute("href", "/queue/")
    expect(page.get_by_test_id("stDataFrame").locator("tbody [role=row]")).not_to_have_count(0)
    answer = page.goto("/queue")
    assert answer is not None
    assert answer.ok
    assert page.url.endswith("/queue/")
    expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    assert page.request.post("/queue/queue/evaluator/empty").status == 405


def wait_for_variants(page: Page, names: list[str]) -> None:
    """Wait until the table has these rows: it is drawn after the chart."""
    for _ in range(100):
        if table_variants(page) == names:
            return
        page.wait_for_timeout(200)
    assert table_variants(page) == names


def test_a_view_is_its_address(page: Page, client: Client, finished_demo: str) -> None:
    page.goto("/")
    measure = page.get_by_role("combobox", name="Measure")
    expect(measure).to_have_value("nDCG@10")
    measure.click()
    page.get_by_role("option", name="R@100", exact=True).click()
    page.wait_for_url(f"**/?experiment={finished_demo}&measure=R%40100")
    expect(page.get_by_test_id("stVegaLiteChart").get_by_text("R@100")).to_be_visible()
    by_recall = [v["variant"] for v in client.leaderboard("demo", "R@100")["variants"]]
    wait_for_variants(page, by_recall)

    page.reload()
    expect(measure).to_have_value("R@100")
    wait_for_variants(page, by_recall)

    page.go_back()
    expect(measure).to_have_value("nDCG@10")


def test_views_of_the_experiments_page_have_addresses_too(page: Page, finished_demo: str) -> None:
    page.goto("/experiments")
    page.get_by_role("link", name="demo").click()
    heading(page, "demo")
    page.wait_for_url(f"**/experiments?experiment={finished_demo}")
    page.reload()
    heading(page, "demo")
    page.get_by_role("link", name="Use as a template").click()
    heading(page, "New experiment")
    page.go_back()
    heading(page, "demo")
    page.go_back()
    heading(page, "Experiments")


def test_the_keyboard_is_enough(page: Page, finished_demo: str) -> None:
    page.goto("/")
    heading(page, "Leaderboard")
    measure = page.get_by_role("combobox", name="Measure")
    measure.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(measure).not_to_have_value("nDCG@10")
    page.get_by_role("link", name="Experiments").focus()
    page.keyboard.press("Enter")
    heading(page, "Experiments")


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_window_scrolls_only_downwards(page: Page, finished_demo: str, path: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(path)
    heading(page, PAGES[path])
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    wider = page.evaluate(
        "[...document.querySelectorAll('.stMain, .stMainBlockContainer')].some(e => e.scrollWidth > 400)"
    )
    assert not wider


@pytest.mark.parametrize(
    ("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(15, 23, 27)")]
)
def test_light_and_dark_follow_the_system(
    page: Page, finished_demo: str, scheme: str, background: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/")
    heading(page, "Leaderboard")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", background)
