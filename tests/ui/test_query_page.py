"""One query side by side in each of its states, judging, and asking any query."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.domain.dataset import Document, Query
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult, VariantFailure
from evaluator.experiments import lifecycle
from evaluator.inspection.marking import Marker
from evaluator.inspection.side_by_side import Hit, ShownList, SideBySide
from evaluator.jobs.adhoc_queries import ask_id
from evaluator.jobs.queue import open_queue
from evaluator.library import catalog
from evaluator.store import results
from evaluator.ui.query.data import grade_badge, lists_data, ordinal, parts
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import AddExperiment, button, labels, open_page, record, text_of


def lists_of(app: AppTest) -> list[dict[str, Any]]:
    """What the browser is told to draw."""
    component = app.get("bidi_component")[0]
    drawn: list[dict[str, Any]] = json.loads(component.proto.json)["lists"]
    return drawn


def test_before_the_first_experiment_it_explains_what_to_do(workspace: Workspace) -> None:
    app = open_page("query")
    assert not app.exception
    assert "No experiment has run yet" in text_of(app)


def test_a_finished_experiment_shows_the_lists_of_a_query(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense", "fused")
    for variant in ("bm25", "dense", "fused"):
        record(workspace, spec, variant, 0.5)
    app = open_page("query", experiment=spec.id, query="q1", variants="dense,bm25")
    assert not app.exception
    assert [text.value for text in app.text] == ["heat transfer through"]
    dense, bm25 = lists_of(app)
    assert (dense["variant"], bm25["variant"]) == ("dense", "bm25")
    assert dense["score"] == "0.5000"
    assert [(hit["place"], hit["doc"], hit["grade"]["word"]) for hit in dense["hits"]] == [
        ("1", "d1", "relevant"), ("2", "d0", "unjudged"),
    ]  # fmt: skip
    assert dense["hits"][0]["also"] == [{"text": "1st in bm25", "lined": True}]
    assert "Query 2 of 10 · dense − bm25: **+0.0000**" in text_of(app)


def test_previous_and_next_go_through_the_queries(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    for variant in ("bm25", "dense"):
        record(workspace, spec, variant, 0.5)
    app = open_page("query", experiment=spec.id)
    assert button(app, "Previous").disabled
    button(app, "Next").click().run()
    assert app.query_params["query"] == "q1"
    button(app, "Previous").click().run()
    assert app.query_params["query"] == "q0"
    app.text_input("query-search").input("no such words").run()
    assert "No query matches" in text_of(app)


def test_failed_queries_come_first_and_say_why(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.5)
    results.record(
        workspace.database,
        [QueryResult(spec.id, "dense", "q7", error="ValueError: vector of zeros")],
    )
    app = open_page("query", experiment=spec.id)
    assert "Query 1 of 10 · :red[:material/error: failed]" in text_of(app)
    assert lists_of(app)[1]["message"] == "This query failed: ValueError: vector of zeros"


def test_while_it_runs_missing_lists_are_marked(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.5, n=3)
    results.record(workspace.database, [VariantFailure(spec.id, "dense", "no such model")])
    app = open_page("query", experiment=spec.id, query="q5", variants="bm25,dense")
    assert "Not final" in text_of(app)
    assert [shown["message"] for shown in lists_of(app)] == [
        "Not evaluated yet", "This variant failed: no such model",
    ]  # fmt: skip


def test_an_unknown_query_or_variant_is_said(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.5)
    app = open_page("query", experiment=spec.id, query="q99")
    assert "There is no query with the id 'q99'" in text_of(app)
    assert "has no other to show" in text_of(open_page("query", experiment=spec.id, variants="bm25,other"))


def finished_pair(workspace: Workspace, add_experiment: AddExperiment) -> str:
    spec = add_experiment(workspace, "bm25", "dense")
    for variant in ("bm25", "dense"):
        record(workspace, spec, variant, 0.5)
    assert lifecycle.find(workspace, spec.id).status == "finished"
    return spec.id


def test_a_grade_is_saved_as_a_version_and_the_page_follows(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    id_ = finished_pair(workspace, add_experiment)
    app = open_page("query", experiment=id_, query="q0")
    app.session_state["judge"] = True
    app.run()
    assert button(app, "Save").disabled
    next(field for field in app.text_input if field.label == "Who judges").input("Anna").run()
    app.segmented_control[0].set_value(2).run()
    button(app, "Save 1 judgment").click().run()
    assert not app.exception
    assert "Saved 1 judgment by Anna. tiny is at version 2" in app.success[0].value
    assert app.query_params["experiment"] != id_
    row = catalog.find(workspace, "tiny")
    assert catalog.load(workspace, row).qrels["q0"] == {"d0": 1, "d1": 2}
    assert lists_of(app)[0]["hits"][0]["grade"]["word"] == "highly relevant · 2"

    old = open_page("query", experiment=id_, query="q0")
    old.session_state["judge"] = True
    old.run()
    assert "tiny is at version 2" in old.info[0].value
    assert "The same query by the newest judgments" in labels(old, "page_link")


def test_what_unjudged_documents_could_change_is_computed_when_asked(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    app = open_page("query", experiment=finished_pair(workspace, add_experiment), query="q0")
    assert not app.dataframe
    app.session_state["bounds"] = True
    app.run()
    table = app.dataframe[0].value
    assert list(table["variant"]) == ["bm25", "dense"]
    # d1 and d0 for ten queries: one of them is q0's, one q1's.
    assert list(table["unjudged"]) == [18, 18]


def test_asking_without_a_worker_says_so(workspace: Workspace, add_experiment: AddExperiment) -> None:
    id_ = finished_pair(workspace, add_experiment)
    empty = open_page("query", experiment=id_, ask="")
    assert "Type a query as somebody would ask it" in text_of(empty)
    app = open_page("query", experiment=id_, ask="how do wings lift")
    assert not app.exception
    assert "No workers are running" in text_of(app)
    ids = {ask_id(id_, variant, "how do wings lift") for variant in ("bm25", "dense")}
    assert set(open_queue(workspace.connection, "encode").job_ids) == ids


def test_asking_without_a_queue_says_what_to_do(no_queue: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(no_queue, "bm25")
    app = open_page("query", experiment=spec.id, ask="wings")
    assert "No Redis answers" in text_of(app)


HOSTILE = '<script>alert(1)</script> **bold** [x](javascript:alert(1)) <img src=x onerror="alert(1)">'


def test_what_strangers_wrote_travels_as_plain_text() -> None:
    marker = Marker("alert script")
    side = SideBySide(
        Query("q", HOSTILE),
        (ShownList("bm25", "scored", hits=(Hit(1, "d", 1.0, None, {}),)),),
        {"d": Document("d", HOSTILE, HOSTILE)},
        {},
        10,
        marker,
    )
    written = lists_data(side, "a&b", "nDCG@10")["documents"]["d"]
    assert "".join(text for text, _ in written["text"]) == HOSTILE
    assert "".join(text for text, _ in written["title"]) == HOSTILE
    assert written["href"] == "datasets?dataset=a%26b&tab=documents&document=d"


def test_words_of_the_query_are_parts_of_their_own() -> None:
    assert parts("The wings lift.", Marker("wing")) == [("The ", False), ("wings", True), (" lift.", False)]
    assert parts("", Marker("wing")) == []


@pytest.mark.parametrize(
    ("place", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (1022, "1,022nd")]
)
def test_ordinals(place: int, word: str) -> None:
    assert ordinal(place) == word


def test_grades_are_told_by_word_and_symbol() -> None:
    badges = [grade_badge(grade) for grade in (None, -1, 0, 1, 3)]
    assert [f"{badge['symbol']} {badge['word']}" for badge in badges] == [
        "? unjudged", "✗ not relevant", "✗ not relevant", "✓ relevant", "✓✓ highly relevant · 3",
    ]  # fmt: skip


def test_a_ranking_of_documents_that_are_gone_is_still_shown(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    results.record(
        workspace.database, [QueryResult(spec.id, "bm25", "q0", Ranking(("gone",), (1.0,)), {"nDCG@10": 0.0})]
    )
    app = open_page("query", experiment=spec.id, query="q0")
    assert not app.exception
    assert lists_of(app)[0]["hits"][0]["doc"] == "gone"
