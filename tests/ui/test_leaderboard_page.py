"""The leaderboard in each of its states."""

from __future__ import annotations

from evaluator.domain.measures.policy import POLICIES
from evaluator.domain.measures.scoring import POLICY_VERSION
from evaluator.domain.result import VariantFailure
from evaluator.experiments import lifecycle
from evaluator.store import results
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import BM25, AddExperiment, labels, open_page, record, text_of
from tests.unit.made_scores import cost, measured


def test_before_the_first_experiment_it_explains_what_to_do(workspace: Workspace) -> None:
    app = open_page("leaderboard")
    assert not app.exception
    assert "No experiment has run yet" in text_of(app)
    assert [button.label for button in app.button] == ["Run the demo"]
    assert not app.dataframe


def test_the_demo_starts_from_the_empty_page_and_leads_to_where_it_is_seen(workspace: Workspace) -> None:
    app = open_page("leaderboard")
    app.button[0].click().run()
    assert not app.exception
    assert app.title[0].value == "demo"
    assert "running]" in text_of(app)  # the badge
    assert lifecycle.find(workspace, "demo").status == "running"
    assert workspace.connection.llen("rq:queue:evaluator") > 0


def test_variants_are_in_the_order_of_their_scores(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense", "fused")
    for variant, score in {"bm25": 0.375, "dense": 0.625, "fused": 0.5}.items():
        record(workspace, spec, variant, score)
    app = open_page("leaderboard")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["variant"]) == ["dense", "fused", "bm25"]
    assert list(table["nDCG@10"]) == [0.625, 0.5, 0.375]
    assert list(table["scored"]) == [10, 10, 10]
    written = text_of(app)
    assert "Means over **10 of 10 queries**: those that all variants completed." in written
    assert "running]" not in written  # the badge
    assert labels(app, "download_button") == ["CSV", "Parquet"]


def test_words_that_do_not_fit_the_corpus_are_said(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", retrieve={"bm25": {"stemmer": "german"}})
    record(workspace, spec, "bm25", 0.375)
    written = text_of(open_page("leaderboard")).replace("\\", "")
    assert (
        "BM25 of bm25: the corpus is English, but the stemmer is german and the stop words are english"
        in written
    )


def test_another_measure_reorders_the_table_and_is_in_the_address(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.375, rr=0.9)
    record(workspace, spec, "dense", 0.75, rr=0.25)
    app = open_page("leaderboard")
    app.selectbox("choose-Measure").select("RR@10").run()
    assert list(app.dataframe[0].value["variant"]) == ["bm25", "dense"]
    assert app.query_params["measure"] == "RR@10"
    assert app.query_params["experiment"] == spec.id

    linked = open_page("leaderboard", experiment=spec.id, measure="RR@10")
    assert linked.selectbox("choose-Measure").value == "RR@10"
    assert list(linked.dataframe[0].value["variant"]) == ["bm25", "dense"]


def test_the_last_experiment_is_shown_and_others_can_be_chosen(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    first = add_experiment(workspace, "bm25", name="first")
    record(workspace, first, "bm25", 0.375)
    other = add_experiment(workspace, "bm25", name="elsewhere", dataset="other")
    record(workspace, other, "bm25", 0.25)
    last = add_experiment(workspace, "bm25", name="last")
    record(workspace, last, "bm25", 0.5)
    app = open_page("leaderboard")
    assert app.selectbox("choose-Dataset").value == "tiny"
    assert app.selectbox("choose-Experiment").value == last.id
    app.selectbox("choose-Experiment").select(first.id).run()
    assert list(app.dataframe[0].value["nDCG@10"]) == [0.375]
    app.selectbox("choose-Dataset").select("other").run()
    assert list(app.dataframe[0].value["nDCG@10"]) == [0.25]
    assert app.query_params["experiment"] == other.id
    assert "choose-Experiment" not in [chooser.key for chooser in app.selectbox]


def test_while_it_runs_partial_results_are_marked_as_such(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.375)
    record(workspace, spec, "dense", 0.75, n=4)
    app = open_page("leaderboard")
    written = text_of(app)
    assert "running]" in written  # the badge
    assert "Not final: 6 queries to go over all variants." in written
    assert "Watch it" in written
    assert "Means over **4 of 10 queries**" in written
    assert list(app.dataframe[0].value["waiting"]) == [6, 0]


def test_a_running_experiment_without_any_score_shows_no_empty_table(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    add_experiment(workspace, "bm25")
    app = open_page("leaderboard")
    assert not app.exception
    assert not app.dataframe
    assert "No query has a score yet" in text_of(app)


def test_failed_and_unscored_queries_are_counted_apart(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.375)
    record(workspace, spec, "dense", 0.75, failed=2, unscored=1)
    app = open_page("leaderboard")
    written = text_of(app)
    assert "Failed and not averaged in: 2 queries of dense." in written
    assert "1 query without a relevant document: not scored." in written
    assert "Means over **7 of 10 queries**" in written
    assert list(app.dataframe[0].value["failed"]) == [2, 0]


def test_a_failed_variant_says_why(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25", "broken")
    record(workspace, spec, "bm25", 0.375)
    results.record(workspace.database, [VariantFailure(spec.id, "broken", "no such model")])
    app = open_page("leaderboard")
    assert [error.value for error in app.error] == ["**broken** failed and has no score: no such model"]
    assert list(app.dataframe[0].value["variant"]) == ["bm25", "broken"]
    assert "the 1 variant with a score" in text_of(app)


def test_if_nothing_works_the_reason_is_shown_and_not_an_empty_page(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "broken")
    record(workspace, spec, "bm25", 0.0, failed=10)
    results.record(workspace.database, [VariantFailure(spec.id, "broken", "no such model")])
    app = open_page("leaderboard")
    written = text_of(app)
    assert not app.dataframe
    assert "no such model" in written
    assert "10 queries of bm25" in written
    assert "No query has a score." in written


def test_an_address_that_leads_nowhere_says_so(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.375)
    app = open_page("leaderboard", experiment="gone", measure="AP")
    messages = [warning.value for warning in app.warning]
    assert messages[0].startswith("No experiment is called 'gone'; there are: look")
    assert messages[1].startswith("The experiment look did not compute AP")
    assert list(app.dataframe[0].value["variant"]) == ["bm25"]

    nonsense = open_page("leaderboard", experiment="look", measure="nDGC@10")
    assert "did you mean nDCG@10?" in nonsense.warning[0].value


def test_the_policy_in_force_is_explained() -> None:
    assert POLICY_VERSION in POLICIES


def test_the_verdict_stands_above_the_table(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.375)
    record(workspace, spec, "dense", 0.75)
    app = open_page("leaderboard")
    assert "**dense** is best: 10 queries tell it from the other variant." in text_of(app)
    table = app.dataframe[0].value
    assert list(table["tie"]) == ["= best", ""]
    assert table["difference"].round(6).tolist()[1] == -0.375


def test_a_baseline_can_be_pinned_and_is_in_the_address(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.375)
    record(workspace, spec, "dense", 0.75)
    app = open_page("leaderboard")
    # The best is only known after looking: as a baseline it would get another correction than it has here.
    assert not any(label.startswith("All against") for label in labels(app, "page_link"))
    assert "for the only pair of variants" in text_of(app)
    app.selectbox("choose-Baseline").select("bm25").run()
    assert app.query_params["baseline"] == "bm25"
    assert "All against bm25" in labels(app, "page_link")
    assert "for the only comparison with the baseline bm25" in text_of(app)
    assert app.dataframe[0].value["difference"].round(6).tolist()[0] == 0.375
    assert "The dashed line is the baseline, bm25." in text_of(app)

    app.selectbox("choose-Measure").select("RR@10").run()
    assert app.query_params["baseline"] == "bm25"  # another measure leaves it

    unknown = open_page("leaderboard", baseline="gone")
    assert unknown.warning[0].value.startswith("The experiment look has no variant gone.")


def test_variants_can_be_searched_and_columns_chosen(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "dense")
    record(workspace, spec, "bm25", 0.375)
    record(workspace, spec, "dense", 0.75)
    app = open_page("leaderboard", search="DEN", columns="low;high;nonsense")
    assert list(app.dataframe[0].value.columns) == ["variant", "low", "high"]
    assert list(app.dataframe[0].value["variant"]) == ["dense"]
    app.multiselect("board-columns").select("wins").run()
    assert app.query_params["columns"] == "low;high;wins"
    app.text_input("board-search").input("nothing").run()
    assert "No variant has that in its name." in text_of(app)


def test_trade_offs_recommend_within_limits(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "cheap", "dear")
    record(workspace, spec, "cheap", 0.375)
    record(workspace, spec, "dear", 0.75)
    row = lifecycle.find(workspace, spec.id)
    measured(workspace, row, {"cheap": cost(10), "dear": cost(100)})
    app = open_page("leaderboard", view="tradeoffs")
    assert not app.exception
    assert "Without limits, take **dear**." in text_of(app)
    app.number_input("limit-p95").set_value(50).run()
    assert app.query_params["p95"] == "50"
    assert "Within these limits, take **cheap**." in text_of(app)
    none = open_page("leaderboard", view="tradeoffs", p95="1", cost="index_mb")
    assert "No variant keeps within the limits. Raise one of them." in text_of(none)
    assert list(none.dataframe[-1].value["front"]) == ["on the front", ""]


def test_trade_offs_before_costs_are_known(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.375)
    app = open_page("leaderboard", view="tradeoffs")
    assert "No variant's cost is known yet." in text_of(app)
    assert not app.dataframe


def test_several_datasets_beside_each_other(workspace: Workspace, add_experiment: AddExperiment) -> None:
    for name, dataset in (("one", "tiny"), ("two", "other")):
        spec = add_experiment(workspace, "bm25", "dense", name=name, dataset=dataset, retrieve=BM25)
        record(workspace, spec, "bm25", 0.25)
        record(workspace, spec, "dense", 0.75)
    app = open_page("leaderboard", view="datasets")
    assert "Choose two or more experiments" in text_of(app)
    app = open_page("leaderboard", experiments="one,two")
    assert not app.exception
    table = app.dataframe[0].value
    assert {"rank_0", "score_0", "rank_1", "score_1"} <= set(table.columns)
    assert list(table["variant"]) == ["dense", "bm25"]
    assert list(app.multiselect("across").value) == [lifecycle.find(workspace, n).id for n in ("one", "two")]

    alone = open_page("leaderboard", experiments="one,one")
    assert "Choose two or more experiments" in text_of(alone)
    gone = open_page("leaderboard", experiments="one,gone")
    assert gone.error[0].value.startswith("No experiment is called 'gone'")
