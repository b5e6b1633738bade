"""From a question to a running experiment, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from evaluator.remote.client import Client
from tests.e2e.conftest import DEMO_TIMEOUT

VARIANTS = ("bm25", "distilled-all-MiniLM-L6-v2", "distilled-all-MiniLM-L6-v2 + bm25")
DATASET = "python-stdlib"


def open_form(page: Page) -> None:
    """The form of a new experiment over the demo dataset, which is added if nobody has."""
    page.goto("/experiments?new")
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible()
    demo = page.get_by_role("button", name="Add the demo dataset")
    choose = page.get_by_role("combobox", name="Dataset")
    expect(demo.or_(choose)).to_be_visible()
    if demo.is_visible():
        demo.click()
    expect(choose).to_be_visible()
    if choose.input_value() != DATASET:
        choose.click()
        page.get_by_role("option", name=DATASET, exact=True).click()
    expect(choose).to_have_value(DATASET)


def plan(page: Page) -> None:
    """Wait until the plan says what there is to evaluate."""
    expect(
        page.get_by_text("to evaluate over all variants").or_(page.get_by_text("Everything is recorded"))
    ).to_be_visible()


def test_a_question_becomes_a_plan_and_then_an_experiment(page: Page, client: Client) -> None:
    open_form(page)
    page.get_by_role("button", name="Chunking study").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Variants")).to_contain_text("8")
    page.get_by_role("button", name="Quick look").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Variants")).to_contain_text("3")
    plan(page)
    for variant in VARIANTS:
        expect(
            page.get_by_role("listitem").filter(has_text=re.compile(f"^{re.escape(variant)}$"))
        ).to_be_visible()
    page.get_by_role("button", name="Start").click()

    expect(page.get_by_role("heading", name="quick-look", exact=True, level=1)).to_be_visible()
    page.wait_for_url(re.compile(r"/experiments\?experiment="))
    evaluated = page.get_by_test_id("stMetric").filter(has_text="Queries evaluated")
    expect(evaluated).to_contain_text("100 %", timeout=DEMO_TIMEOUT * 1000)
    assert {row["variant"] for row in client.leaderboard("quick-look")["variants"]} == set(VARIANTS)

    page.get_by_role("link", name="Use as a template").click()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("quick-look")
    expect(page.get_by_text("Everything is recorded already")).to_be_visible()


def test_the_keyboard_is_enough_to_choose(page: Page) -> None:
    open_form(page)
    plan(page)
    page.locator("summary").filter(has_text="Add variants").focus()
    page.keyboard.press("Enter")
    for name, button in (("Lexical (BM25)", "Add variants"), ("Passages (chunked)", "Add 1 variant")):
        box = page.get_by_role("checkbox", name=name)
        box.focus()
        page.keyboard.press("Space")
        expect(box).to_be_checked()
        expect(page.get_by_role("button", name=button)).to_be_visible()
    page.get_by_role("button", name="Add 1 variant").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stMetric").filter(has_text="Variants")).to_contain_text("4")
    page.get_by_role("tab", name="Form").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    description = page.get_by_role("textbox", name="Description (YAML)")
    expect(description).to_have_value(re.compile("by: tokens"))
    description.fill("name: mine\n")
    page.keyboard.press("Tab")
    expect(page.get_by_text("dataset: is missing")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_disabled()


def test_in_a_narrow_window_the_form_scrolls_only_downwards(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_form(page)
    plan(page)
    wider = page.evaluate(
        "[...document.querySelectorAll('.stMain, .stMainBlockContainer')].some(e => e.scrollWidth > 390)"
    )
    assert not wider
