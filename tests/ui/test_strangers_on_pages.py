"""What strangers wrote, on every page: Markdown never gets it as it is. How a browser draws it: tests/e2e."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.domain.experiment import ExperimentSpec
from evaluator.workspace.workspace import Workspace
from tests.hostile import IDS, MARKUP, NAME, TAGS, VARIANTS, record_hostile, write_hostile
from tests.ui.conftest import FRAME, open_page
from tests.ui.test_upload_page import upload

RAW = re.compile(
    r"(?<!\\)(?:!\[|\]\(http|<img|<script|:smile:|:material/home|:red\[red|:color\[coloured|\*\*bold|__bold|_em_|~~gone|\$x)"
    r"|://elsewhere|www\.elsewhere|me@elsewhere|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]",
    re.IGNORECASE,
)
"""What is in no Markdown, unless a text went there as it is."""

NOT_MARKDOWN = {
    "BidiComponent.json", "Code.code_text", "Dataframe.alt", "LinkButton.url", "MultiSelect.options",
    "MultiSelect.raw_values", "PageLink.query_string", "Selectbox.options", "Selectbox.raw_value", "Text.body",
    "TextArea.default", "TextArea.value", "TextInput.default", "TextInput.value", "VegaLiteChart.alt",
    "VegaLiteChart.spec",
}  # fmt: skip
"""Fields of Streamlit's elements that are shown as they are. Any other string is taken for Markdown."""


def markdown_of(app: AppTest) -> Iterator[tuple[str, str]]:
    """All Markdown on a page, each with the element and field it is in; without code, and where own links lead."""
    assert app._tree is not None
    for place, text in _visit(app._tree):
        yield place, re.sub(r"`[^`]+`|\]\(api/[^)]+\)", "", text)


def _visit(node: Any) -> Iterator[tuple[str, str]]:
    if getattr(node, "proto", None) is not None:
        yield from _strings(node.proto)
    for child in getattr(node, "children", {}).values():
        yield from _visit(child)


def _strings(proto: Any) -> Iterator[tuple[str, str]]:
    """The strings of a message and of those in it."""
    for field, value in proto.ListFields():
        place = f"{proto.DESCRIPTOR.name}.{field.name}"
        for one in value if field.is_repeated else (value,):
            if field.message_type is not None and hasattr(one, "ListFields"):
                yield from _strings(one)
            elif place == "Dataframe.columns":
                yield from (
                    (f"{place} help", column.get("help") or "") for column in json.loads(one).values()
                )
            elif field.type == field.TYPE_STRING and place not in NOT_MARKDOWN:
                yield place, one


@pytest.fixture
def hostile(workspace: Workspace, tmp_path: Path) -> ExperimentSpec:
    """An experiment over a dataset, every string of either hostile."""
    return record_hostile(workspace, write_hostile(tmp_path / "hostile"))


def views(spec: ExperimentSpec) -> Iterator[tuple[str, dict[str, str]]]:
    """Every view, with something hostile in it or in its address."""
    here = {"experiment": spec.id}
    one, other = VARIANTS[:2]
    yield "leaderboard", {**here, "baseline": one}
    yield "leaderboard", {**here, "view": "tradeoffs"}
    yield "leaderboard", {"view": "datasets", "experiments": spec.id}
    yield "leaderboard", {"experiment": MARKUP[0], "measure": MARKUP[1]}
    yield "leaderboard", {**here, "baseline": MARKUP[2], "measure": MARKUP[1], "search": MARKUP[0]}
    yield "compare", {**here, "a": one, "b": other, "slice": "tag"}
    yield "compare", {**here, "baseline": one}
    yield "compare", {**here, "a": MARKUP[0], "b": MARKUP[1]}
    yield "query", {**here, "query": IDS[4], "variants": f"{one},{other}"}
    yield "query", {**here, "query": IDS[0], "order": "last", "tag": TAGS[0]}
    yield "query", {**here, "variants": f"{MARKUP[0]},{MARKUP[9]}", "search": MARKUP[0]}
    yield "query", {**here, "ask": MARKUP[0]}
    yield "history", {"dataset": NAME}
    yield "experiments", {}
    yield "experiments", here
    yield "experiments", {"new": spec.id}
    yield "experiments", {"experiment": MARKUP[0]}
    yield "datasets", {}
    for tab in ("documents", "queries", "judgments", "health", "versions", "settings"):
        yield "datasets", {"dataset": NAME, "tab": tab}
    yield "datasets", {"dataset": NAME, "tab": "judgments", "query": IDS[0]}
    yield "datasets", {"dataset": NAME, "tab": "documents", "document": IDS[2]}
    yield "datasets", {"dataset": MARKUP[0]}
    yield "upload", {"upload": MARKUP[0]}
    yield "workers", {}


def raw(app: AppTest) -> list[str]:
    """Where Markdown got a text as it is."""
    return [f"{place}: {text}" for place, text in markdown_of(app) if RAW.search(text)]


def test_no_page_hands_markdown_a_text_as_it_is(workspace: Workspace, hostile: ExperimentSpec) -> None:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    found = []
    for page, address in views(hostile):
        app.query_params.clear()
        app.query_params.update(address)
        app.switch_page(f"{page}.py").run()
        assert not app.exception, (page, address, app.exception)
        found += [f"{page} {address}: {place}" for place in raw(app)]
    assert found == []


def test_no_upload_hands_markdown_a_text_as_it_is(workspace: Workspace) -> None:
    strange = ":smile: www.elsewhere.example"
    table = f"{MARKUP[0]},text,{TAGS[0]}\nd1,{MARKUP[2]},{MARKUP[9]}\n"
    for files in (
        {f"{strange} corpus.csv": table, f"{strange} queries.csv": table, f"{strange}.run": "q1 Q0 d1 1 1.0 x\n"},
        {f"{strange}.zip": "no archive"},
    ):  # fmt: skip
        app = open_page("upload", upload=upload(workspace, **files))
        assert not app.exception
        assert any(strange.split()[1] in text.replace(":color[.]", ".") for _, text in markdown_of(app))
        assert raw(app) == []
