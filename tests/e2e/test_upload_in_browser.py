"""Files become a dataset in the browser: dropped, recognised, corrected, checked, stored, found again."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.remote.client import Client
from tests.e2e.test_browser import heading

DATA = Path(__file__).parents[2] / "data"
EXAMPLES = ("beir", "excel", "trec")
"""A folder in a folder, a workbook, and files whose order is their only structure. That every example is read the same
as an upload and on the command line, tests/integration/cli/test_datasets_cli.py shows without a browser."""
CHECK_TIMEOUT = 60_000
"""Milliseconds for a process to start, read some rows and identify their language."""


def table(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV."""
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


@pytest.fixture
def shop_zip(tmp_path: Path) -> Path:
    """Three tables in an archive; the articles have two columns that could be their text."""
    n = 60
    path = tmp_path / "shop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        articles = [
            (f"a{i}", f"Bread {i}", f"In short: {i}", f"How bread number {i} is baked") for i in range(n)
        ]
        archive.writestr("articles.csv", table([("id", "title", "abstract", "details"), *articles]))
        questions = [(f"q{i}", f"How do I bake bread {i}?") for i in range(n)]
        archive.writestr("questions.csv", table([("qid", "question"), *questions]))
        labels = [(f"q{i}", f"a{i}", 1 + i % 2) for i in range(n)]
        archive.writestr("labels.csv", table([("qid", "docid", "grade"), *labels]))
    return path


def open_upload(page: Page) -> None:
    """Open the upload page, ready for files."""
    page.goto("/upload")
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()


def choose_files(page: Page, *files: Path) -> None:
    """Choose files on the upload page, by keyboard, and wait until they are recognised."""
    open_upload(page)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").press("Enter")
    chooser.value.set_files(files)
    page.wait_for_url("**/upload?upload=*")
    expect(page.get_by_role("button", name="Check")).to_be_visible(timeout=CHECK_TIMEOUT)


def check(page: Page) -> None:
    """Check the upload and wait for the report."""
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Change how the files are read")).to_be_visible(timeout=CHECK_TIMEOUT)


def test_a_zip_becomes_a_dataset(page: Page, client: Client, shop_zip: Path) -> None:
    choose_files(page, shop_zip)
    tables = page.get_by_role("combobox", name="Read from")
    expect(tables).to_have_count(3)
    assert [box.input_value() for box in tables.all()] == [
        "shop/articles.csv", "shop/questions.csv", "shop/labels.csv",
    ]  # fmt: skip
    expect(page.get_by_role("combobox", name="Document id")).to_have_value("id")
    expect(page.get_by_role("combobox", name="Grade", exact=True)).to_have_value("grade")

    text = page.get_by_test_id("stMultiSelect").filter(has_text="Text")
    expect(text).to_contain_text("abstract")
    text.get_by_role("combobox").click()
    page.get_by_role("option", name="details", exact=True).click()
    expect(text).to_contain_text("details")
    page.keyboard.press("Escape")
    documents = page.get_by_test_id("stDataFrame").first
    expect(documents.locator("thead")).to_contain_text("Text ← details")
    assert all(row["name"] != "bakery" for row in client.datasets())  # nothing is stored yet

    check(page)
    expect(page.get_by_role("heading", name="Ready to use")).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text="Documents")).to_contain_text("60")
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(5)

    name = page.get_by_role("textbox", name="Name")
    expect(name).to_have_value("shop")
    name.fill("bakery")
    page.get_by_role("button", name="Store dataset").click()
    page.wait_for_url("**/datasets?dataset=bakery")
    heading(page, "bakery")
    page.goto("/datasets")
    expect(page.get_by_role("link", name="bakery")).to_be_visible()


@pytest.fixture
def words_zip(tmp_path: Path) -> Path:
    """Three tables in an archive; the judgments are words, and one column is a remark."""
    path, n = tmp_path / "lamps.zip", 55
    with zipfile.ZipFile(path, "w") as archive:
        lamps = [(f"p{i}", f"A lamp with {i} bulbs made of brass") for i in range(n)]
        archive.writestr("lamps.csv", table([("id", "text"), *lamps]))
        searches = [(f"q{i}", f"lamp with {i} bulbs") for i in range(n)]
        archive.writestr("searches.csv", table([("query_id", "query"), *searches]))
        labels = [(f"q{i}", f"p{i}", ("Irrelevant", "Exact")[i % 2], "fine") for i in range(n)]
        archive.writestr("labels.csv", table([("query_id", "doc_id", "label", "remark"), *labels]))
    return path


def test_what_files_do_not_say_is_asked_and_remembered(page: Page, client: Client, words_zip: Path) -> None:
    choose_files(page, words_zip)
    expect(page.get_by_text("label holds words; which grades do they stand for?")).to_be_visible()
    expect(page.get_by_text("1 question above to answer first")).to_be_visible()
    expect(page.get_by_role("button", name="Check")).to_be_disabled()
    page.get_by_role("button", name="Use these grades").press("Enter")
    expect(page.get_by_text("Used: Exact 1, Irrelevant 0.")).to_be_visible()
    expect(page.get_by_text("The 55 queries and 55 documents named in the first rows")).to_be_visible()
    # The page moves as long as its script runs, and a click on what moves is lost.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.get_by_text("Not used (1)").click()
    expect(page.get_by_text("lamps/labels.csv: remark: no role for it was found")).to_be_visible()

    page.goto("/upload")  # a person comes back later
    expect(page.get_by_text("Columns to confirm").first).to_be_visible()
    page.get_by_role("button", name="Continue").first.click()
    page.get_by_role("button", name="Use these grades").click()
    check(page)
    page.get_by_role("textbox", name="Name").fill("lamps")
    page.get_by_role("button", name="Store dataset").click()
    page.wait_for_url("**/datasets?dataset=lamps")
    assert client.dataset("lamps")["judgments"] == 55

    choose_files(page, words_zip)
    expect(page.get_by_role("radio", name="As last time (lamps")).to_be_checked()
    expect(page.get_by_text("which grades do they stand for?")).to_have_count(0)
    expect(page.get_by_role("button", name="Check")).to_be_enabled()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_becomes_the_dataset_that_the_command_line_makes_of_it(
    page: Page, client: Client, tmp_path: Path, example: str
) -> None:
    open_upload(page)
    page.get_by_label("Folder", exact=True).set_input_files(DATA / example)
    page.wait_for_url("**/upload?upload=*")
    check(page)
    page.get_by_role("textbox", name="Name").fill(f"example-{example}")
    page.get_by_role("button", name="Store dataset").click()
    page.wait_for_url(f"**/datasets?dataset=example-{example}")
    manifest = import_dataset(DATA / example, ArtifactStore(str(tmp_path)))
    assert client.dataset(f"example-{example}")["fingerprint"] == manifest.fingerprint


def test_a_broken_file_shows_file_line_and_reason_on_a_phone_too(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    broken = tmp_path / "corpus.jsonl"
    good = json.dumps({"_id": "d1", "text": "Feed the starter twice a day"})
    broken.write_text(f'{good}\n{{"_id": "d2", "text": \n')
    queries = tmp_path / "queries.jsonl"
    queries.write_text(json.dumps({"_id": "q1", "text": "How often is a starter fed?"}))
    choose_files(page, broken, queries)
    assert scrolls_only_downwards(page)
    check(page)
    expect(page.get_by_role("heading", name="to fix")).to_be_visible()
    expect(page.get_by_test_id("stCode").first).to_contain_text("corpus.jsonl:2: not valid JSON")
    expect(page.get_by_role("button", name="Store dataset")).to_have_count(0)
    expect(page.get_by_text("It cannot be stored like this")).to_be_visible()
    assert scrolls_only_downwards(page)
    page.get_by_role("link", name="Upload other files").click()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    assert scrolls_only_downwards(page)


def scrolls_only_downwards(page: Page) -> bool:
    """Whether nothing reaches beyond the window's width."""
    wider = "[...document.querySelectorAll('.stMain, .stMainBlockContainer')].some(e => e.scrollWidth > innerWidth)"
    return not page.evaluate(wider)


@pytest.fixture
def unreliable(browser: Browser, address: str) -> Iterator[Page]:
    """A window whose console may tell of broken connections."""
    context = browser.new_context(base_url=address)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_a_dropped_file_that_did_not_arrive_is_sent_again(unreliable: Page) -> None:
    page = unreliable
    page.route("**/files/*", lambda route: route.abort(), times=1)
    open_upload(page)
    dropped = page.evaluate_handle(
        """() => {
            const dropped = new DataTransfer();
            dropped.items.add(new File(["x,y\\n1,2\\n"], "odd.csv"));
            return dropped;
        }"""
    )
    page.get_by_role("region", name="Files to upload").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.get_by_role("alert")).to_contain_text("odd.csv was not sent: the connection broke")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url("**/upload?upload=*")
    expect(page.get_by_text("Holds no dataset that is recognised")).to_be_visible(timeout=CHECK_TIMEOUT)
    expect(page.get_by_role("button", name="Check")).to_be_disabled()


def test_after_cancelling_a_folder_is_uploaded_with_its_paths(unreliable: Page) -> None:
    page = unreliable
    held: list[Route] = []
    page.route("**/files/**", lambda route: held.append(route))
    open_upload(page)
    page.get_by_label("Folder", exact=True).set_input_files(DATA / "beir")
    expect(page.get_by_role("progressbar", name="Uploaded")).to_be_visible()
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()

    page.unroute("**/files/**")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(DATA / "beir")
    expect(page.get_by_text("Recognised: BEIR")).to_be_visible(timeout=CHECK_TIMEOUT)
    assert page.get_by_role("combobox", name="Read from").last.input_value() == "qrels/test.tsv"
