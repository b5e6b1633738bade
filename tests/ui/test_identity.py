"""What is about one thing does not show another's: caches, keys of widgets, labels of options, addresses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.library import catalog
from evaluator.location import app_folder
from evaluator.store import results
from evaluator.ui.shell.address import joined
from evaluator.ui.shell.identity import keyed, told_apart
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.ui.conftest import AddExperiment, labels, open_page, record, text_of

SHARED_KEYS = {
    "of what has no state": [
        "verdict", "plan", "regressions", "recommendation", "query-text", "cancel", "delete", "decide",
    ],
    "set from the address each time": [
        "view", "board-search", "board-columns", "choose-Baseline", "across", "history-variants", "query-search",
        "tradeoff-cost", "ask", "dataset-tab",
    ],
    "of a list of everything": [
        "experiments-page", "datasets-search", "dropzone", "workers",
        "dead-letters", "dead-letters-table", "drop-dead-letters",
    ],
    "drawn again from what is shown": ["query-lists"],
    "of the one description that is being written": ["new-add", "new-addition", "new-variants-page"],
    "whether the reader wants it open, whatever is shown": ["judge", "bounds", "all-queries"],
}  # fmt: skip
"""Keys that may be the same whatever is shown, and why."""


def sources() -> Iterator[tuple[str, ast.AST]]:
    """The code of everything that draws."""
    for folder in (Path(__file__).parents[2] / "evaluator" / "ui", app_folder() / "pages"):
        for path in sorted(folder.rglob("*.py")):
            yield str(path.relative_to(folder)), ast.parse(path.read_text(encoding="utf-8"))


def test_pages_cache_nothing_by_themselves() -> None:
    """What is kept is in the workspace's memory, by all that it depends on.

    Streamlit's caches leave arguments that begin with an underscore out of their keys, so pages showed other datasets.
    """
    cached = [
        f"{file}: {node.name}"
        for file, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any("cache" in ast.unparse(d) for d in node.decorator_list)
    ]
    assert cached == []


def test_keys_of_widgets_name_what_is_shown() -> None:
    """By `keyed`, which cannot run into each other as parts of a text can; others have a reason here."""
    allowed = {key for keys in SHARED_KEYS.values() for key in keys}
    used = set()
    for file, tree in sources():
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith(("st.", "_mount")):
                continue
            for key in (keyword.value for keyword in call.keywords if keyword.arg == "key"):
                place = f"{file}:{key.lineno}"
                assert not isinstance(key, ast.JoinedStr), f"{place}: use keyed()"
                if isinstance(key, ast.Constant):
                    assert key.value in allowed, f"{place}: use keyed(), or say why not in SHARED_KEYS"
                    used.add(key.value)
    assert {"verdict", "ask", "experiments-page", "judge"} <= used


def test_a_key_is_of_all_that_it_names() -> None:
    assert keyed("table", "a", "b").startswith("table-")
    assert keyed("table", "a", "b") == keyed("table", "a", "b")
    keys = [
        keyed("t", "a-b", "c"),
        keyed("t", "a", "b-c"),
        keyed("t", "a", "b", "c"),
        keyed("t", ["a", "b"], "c"),
    ]
    assert len(set(keys)) == len(keys)


def test_labels_that_are_alike_are_told_apart_by_as_much_as_it_takes() -> None:
    names = {"abcd1111": "look", "abcd2222": "look", "ffff0000": "other"}
    label = told_apart(list(names), names.__getitem__)
    assert [label(id_) for id_ in names] == ["look · abcd1", "look · abcd2", "other"]
    assert told_apart(["", "none"], lambda column: column or "none")("") == "none"
    assert told_apart(["", "none"], lambda column: column or "none")("none") == "none · none"


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=6), st.sampled_from(["x", "x 2", "x · a", "y"]), max_size=9
    )
)
def test_no_two_labels_are_alike(options: dict[str, str]) -> None:
    label = told_apart(list(options), options.__getitem__)
    assert len({label(option) for option in options}) == len(options)


def addressed() -> None:
    import streamlit as st

    from evaluator.ui.shell.address import parted

    st.json(parted("variants"))


@pytest.mark.parametrize("names", [["a", "b"], ["one, two", "three"], ["50%", "%2C", "a,b%25"], []])
def test_names_in_an_address_may_hold_anything(names: list[str]) -> None:
    app = AppTest.from_function(addressed)
    app.query_params["variants"] = joined(names)
    assert app.run().json[0].value.replace(" ", "") == str(names).replace("'", '"').replace(" ", "")


def test_each_dataset_shows_its_own_health(workspace: Workspace, write_dataset: WriteDataset) -> None:
    catalog.import_folder(workspace, write_dataset("ten"))
    catalog.import_folder(workspace, write_dataset("three", TOPICS[:3], TOPICS[:3]))
    for name, n in (("ten", 10), ("three", 3), ("ten", 10)):
        app = open_page("datasets", dataset=name, tab="health")
        assert not app.exception
        figures = {metric.label: metric.value for metric in app.metric}
        assert figures["Documents"] == str(n), name


def twins(workspace: Workspace, add_experiment: AddExperiment) -> tuple[ExperimentSpec, ExperimentSpec]:
    """Two experiments of one name, over one dataset, submitted at the same moment."""
    one, other = add_experiment(workspace, "bm25"), add_experiment(workspace, "bm25", "dense")
    record(workspace, one, "bm25", 0.25)
    record(workspace, other, "bm25", 0.25)
    record(workspace, other, "dense", 0.75)
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE experiments SET started_at = TIMESTAMP '2030-01-01 12:00:00'")
    return one, other


def test_either_of_two_experiments_of_one_name_and_minute_can_be_chosen(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    one, other = twins(workspace, add_experiment)
    for page in ("leaderboard", "compare", "query"):
        for start, goal in ((one, other), (other, one)):
            app = open_page(page, experiment=start.id)
            chooser = app.selectbox("choose-Experiment")
            assert len(set(chooser.options)) == 2
            label = next(label for label in chooser.options if goal.id.startswith(label.rsplit(" · ")[-1]))
            app = chooser.select(label).run()
            assert app.query_params["experiment"] in (goal.id, [goal.id])
            assert app.selectbox("choose-Experiment").value == goal.id


def test_experiments_beside_each_other_are_told_apart(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    one, other = twins(workspace, add_experiment)
    app = open_page("leaderboard", view="datasets", experiments=f"{one.id},{other.id}")
    assert not app.exception
    assert len(set(app.multiselect("across").options)) == 2


def test_an_ambiguous_name_in_an_address_shows_the_newest_and_says_so(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    add_experiment(workspace, "bm25")
    newest = add_experiment(workspace, "bm25", "dense")
    for page in ("leaderboard", "experiments", "query", "compare"):
        app = open_page(page, experiment="look")
        assert not app.exception
        assert "2 experiments are called 'look'" in app.warning[0].value.replace("\\", "")
        assert app.warning[0].value.endswith("This is the newest of them.")
    assert newest.id in str(app.selectbox("choose-Experiment").value)


def ids(app: AppTest) -> list[str]:
    """Identities of the tables on a page: what a browser keeps selections and sorting by."""
    return [table.proto.id for table in app.dataframe if table.proto.id]


def test_rows_that_are_ticked_stay_with_what_is_shown(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    """A tick is a row's number: under another measure, or after another variant came ahead, that is another variant."""
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.5, rr=0.25, n=5)
    record(workspace, spec, "dense", 0.25, rr=0.5, n=5)
    other = add_experiment(workspace, "bm25", "dense", name="other")
    record(workspace, other, "bm25", 0.5, rr=0.25)
    record(workspace, other, "dense", 0.25, rr=0.5)
    by_ndcg = ids(open_page("leaderboard", experiment=spec.id))[0]
    assert by_ndcg == ids(open_page("leaderboard", experiment=spec.id))[0]  # a refresh keeps it
    assert by_ndcg != ids(open_page("leaderboard", experiment=spec.id, measure="RR@10"))[0]
    assert by_ndcg != ids(open_page("leaderboard", experiment=other.id))[0]
    pairs = [
        ids(open_page("compare", experiment=id_, a="bm25", b="dense", measure=measure))[0]
        for id_ in (spec.id, other.id)
        for measure in ("nDCG@10", "RR@10")
    ]
    assert len(set(pairs)) == 4
    rows = [QueryResult(spec.id, "dense", f"q{n}", Ranking(("d1",), (1.0,)),
                        {"nDCG@10": 1.0, "RR@10": 0.5, JUDGED: 0.1}, 0.1) for n in range(5, 10)]  # fmt: skip
    results.record(workspace.database, rows)
    record_more(workspace, spec)
    app = open_page("leaderboard", experiment=spec.id)
    assert list(app.dataframe[0].value["variant"]) == ["dense", "bm25"]
    assert by_ndcg != ids(app)[0]


def record_more(workspace: Workspace, spec: ExperimentSpec) -> None:
    """The other half of the queries of `bm25`, without success."""
    measures = {"nDCG@10": 0.0, "RR@10": 0.0, JUDGED: 0.1}
    rows = [
        QueryResult(spec.id, "bm25", f"q{n}", Ranking(("d1",), (1.0,)), measures, 0.1) for n in range(5, 10)
    ]
    results.record(workspace.database, rows)


def test_what_is_typed_about_one_dataset_is_not_about_the_next(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    """Neither of them has a description yet: a browser keeps what is not saved by the identities of form and field."""
    found = []
    for name in ("one", "other"):
        catalog.import_folder(workspace, write_dataset(name))
        app = open_page("datasets", dataset=name, tab="settings")
        found += [(field.id, field.form_id) for field in (app.text_area[0], app.multiselect[0])]
    assert len({id_ for id_, _ in found}) == 4
    assert len({form for _, form in found}) == 2


def test_a_reason_for_one_querys_judgments_is_not_one_for_the_next(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(workspace, write_dataset("one"))
    app = open_page("datasets", dataset="one", tab="judgments", query="q0")
    app.text_input[0].set_value("a reason").run()
    assert app.text_input[0].value == "a reason"
    app.query_params["query"] = "q1"
    app.run()
    assert app.text_input[0].value in ("", None)


def test_a_tag_called_any_can_be_chosen(
    workspace: Workspace, write_dataset: WriteDataset, add_experiment: AddExperiment
) -> None:
    folder = write_dataset("tiny")
    lines = [
        f'{{"_id": "q{n}", "text": "{TOPICS[n]}", "tags": ["{"any" if n < 2 else "rare"}"]}}'
        for n in range(10)
    ]
    (folder / "queries.jsonl").write_text("\n".join(lines) + "\n")
    catalog.import_folder(workspace, folder)
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.5)
    app = open_page("query", experiment=spec.id)
    chooser = app.selectbox("choose-Tag")
    assert len(set(chooser.options)) == len(chooser.options) == 3
    app = chooser.select(chooser.options[1]).run()
    assert app.query_params["tag"] in ("any", ["any"])


def test_queries_that_a_measure_has_no_value_for_are_counted_on_the_leaderboard(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.5, n=9)
    row = QueryResult(spec.id, "bm25", "q9", Ranking(("d1",), (1.0,)), {"nDCG@10": 0.5, JUDGED: 0.1}, 0.1)
    results.record(workspace.database, [row])
    written = text_of(open_page("leaderboard"))
    assert "RR@10 has no value for 1 query" in written
    assert "nDCG@10 has no value" not in written
    assert labels(open_page("leaderboard"), "download_button") == ["CSV", "Parquet"]
