"""The report: everything a decision rests on in one file that needs nothing else, and does nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from evaluator.domain.result import VariantFailure
from evaluator.errors import UnknownNameError
from evaluator.library import catalog
from evaluator.report.page import report
from evaluator.store import experiments, results
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.made_scores import EXCLUDED, FAILED, WAITING, cost, made, measured

GOOD, WORSE = (
    [0.9, 0.8, 0.9, 0.7, 0.8, 0.9, 0.8, 0.7, 0.9, 0.8],
    [0.1, 0.2, 0.3, 0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.3],
)


class Parts(HTMLParser):
    """What a file asks for, and what it would run."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.tags: set[str] = set()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.asked += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_a_report_names_the_best_variant_its_certainty_and_the_method(workspace: Workspace) -> None:
    experiment = made(workspace, {"bm25": WORSE, "hybrid": GOOD}, name="Which one?")
    measured(workspace, experiment, {"bm25": cost(2.0), "hybrid": cost(30.0, index_mb=8)})
    html = report(workspace, experiment)
    assert "hybrid is best: 10 queries tell it from the other variant." in html
    assert "Take hybrid." in html
    assert "0.8200" in html  # its mean
    assert "-0.6300" in html  # the difference to it
    assert "10 documents, 10 queries, 10 judgments" in html
    assert "Version 1 of tiny: imported, from tiny" in html
    assert "Version 1 was imported on " in html
    assert '<td class="name">corpus.jsonl</td>' in html
    for part in (experiment.id, experiment.spec.dataset, experiment.spec.variant("hybrid").fingerprint):
        assert part in html
    assert "name: Which one?" in html  # the experiment's file
    assert '<td class="n">30.00</td>' in html  # p95 in milliseconds
    assert "ir-measures" in html
    assert "wing lift in" in html  # a query where they differ
    assert html.count("<svg") == 5


def test_a_report_is_self_contained_and_has_no_scripts(workspace: Workspace) -> None:
    parts = Parts()
    parts.feed(report(workspace, made(workspace, {"bm25": WORSE, "hybrid": GOOD})))
    assert "script" not in parts.tags
    assert parts.handlers == []
    assert {address.partition(":")[0] for address in parts.asked} <= {"data"}


def test_user_content_is_escaped(workspace: Workspace, write_dataset: WriteDataset) -> None:
    queries = [f"<script>alert({n})</script> <img src=x onerror=alert(1)>" for n in range(10)]
    catalog.import_folder(workspace, write_dataset("evil", queries=queries))
    html = report(
        workspace, made(workspace, {"a": GOOD, "b": WORSE}, name="<b>bold</b> & co", dataset="evil")
    )
    parts = Parts()
    parts.feed(html)
    assert not {"script", "img"} & parts.tags
    assert parts.handlers == []
    assert "&lt;script&gt;alert(" in html
    assert "<title>&lt;b&gt;bold&lt;/b&gt; &amp; co" in html


def test_a_report_uses_the_chosen_measure_and_baseline(workspace: Workspace) -> None:
    experiment = made(workspace, {"bm25": WORSE, "hybrid": GOOD, "other": GOOD[::-1]})
    html = report(workspace, experiment, measure="RR@10", baseline="hybrid")
    assert "by RR@10" in html
    assert re.search(r"Differences are to hybrid\.", html)
    assert "bm25 against hybrid" in html
    with pytest.raises(UnknownNameError, match="did not compute AP@5"):
        report(workspace, experiment, measure="AP@5")


def test_a_pair_has_the_correction_that_the_table_has(workspace: Workspace) -> None:
    near = [value - 0.01 * (n % 3) for n, value in enumerate(GOOD)]
    html = report(workspace, made(workspace, {"a": GOOD, "b": near, "c": WORSE}))
    shown = re.search(
        r"<td class=\"name\">b</td>.*?<td class=\"n\">(-0\.\d+)</td>\s*<td class=\"n\">([^<]+)</td>",
        html,
        re.S,
    )
    assert shown is not None
    assert f"p = {shown[2]} corrected" in html


def test_a_report_says_what_is_not_final(workspace: Workspace) -> None:
    running = made(workspace, {"a": [0.5, 0.25, WAITING], "b": [1.0, FAILED, EXCLUDED]})
    results.record(workspace.database, [VariantFailure(running.id, "b", "no such model")])
    html = report(workspace, experiments.experiment(workspace.database, running.id))
    assert "The experiment was running when this was written: 1 queries were waiting." in html
    assert "b failed: no such model" in html
    assert "1 queries failed with b" in html
    assert "ValueError: no" in html
    assert "Take " not in html


def test_a_report_without_any_score_says_so(workspace: Workspace) -> None:
    html = report(workspace, made(workspace, {"a": [WAITING] * 3, "b": [WAITING] * 3}))
    assert "Nothing can be said yet" in html
    assert "<svg" not in html
