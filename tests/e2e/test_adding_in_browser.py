"""Documents are stored alone in the browser; then queries are pasted, and a file adds queries with judgments."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from evaluator.remote.client import Client
from tests.documents_alone import GOLDEN, NOTES
from tests.e2e.test_browser import heading
from tests.e2e.test_upload_in_browser import CHECK_TIMEOUT, check, choose_files, scrolls_only_downwards


def test_documents_first_then_queries_then_judgments(page: Page, client: Client, tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text(NOTES)
    (tmp_path / "golden.csv").write_text(GOLDEN)
    choose_files(page, tmp_path / "notes.csv")
    expect(page.get_by_role("button", name="Check")).to_be_disabled()
    page.get_by_role("radio", name="Store the documents of notes.csv alone").press("Space")
    expect(page.get_by_role("button", name="Check")).to_be_enabled()
    check(page)
    expect(page.get_by_role("heading", name="Documents alone")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("wings")
    page.get_by_role("button", name="Store dataset").click()
    page.wait_for_url("**/datasets?dataset=wings")

    page.get_by_role("link", name="Add queries").click()
    queries = page.get_by_role("textbox", name="Queries, one in a line")
    queries.fill("how do panels flutter\nn2\twhat bends a shell")
    page.set_viewport_size({"width": 390, "height": 844})
    assert scrolls_only_downwards(page)
    queries.press("Control+Enter")
    expect(page.get_by_text("2 queries added.")).to_be_visible()
    expect(page.get_by_text("what bends a shell")).to_be_visible()

    page.get_by_text("Add queries", exact=True).click()
    page.get_by_role("link", name="Add queries from files").press("Enter")
    heading(page, "Add queries and judgments")
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").press("Enter")
    chooser.value.set_files(tmp_path / "golden.csv")
    page.wait_for_url("**/upload?upload=*")
    expect(page.get_by_text("to be added to wings")).to_be_visible(timeout=CHECK_TIMEOUT)
    check(page)
    expect(page.get_by_text("2 queries and 2 judgments are new in wings.")).to_be_visible()
    page.get_by_role("button", name="Add them").click()
    page.wait_for_url("**/datasets?dataset=wings&tab=queries")
    expect(page.get_by_text("2 queries and 2 judgments added.")).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(downloaded.value.path()) as archive:
        assert len(archive.read("queries.jsonl").splitlines()) == 4
    changes = [version["change"] for version in client.dataset("wings")["versions"]]
    assert changes == ["2 queries and 2 judgments added from files", "2 queries added", "imported"]
