"""Comparing variants, in each state of the page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult, VariantFailure
from evaluator.store import results
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import AddExperiment, button, labels, open_page, record, text_of

LEAD = {f"q{n}": 0.9 if n < 8 else 0.1 for n in range(10)}
REST = {f"q{n}": 0.5 for n in range(10)}
"""Eight differences of 0.4, two of -0.4: the mean is 0.24."""


def record_each(workspace: Workspace, spec: ExperimentSpec, variant: str, scores: dict[str, float]) -> None:
    """Record queries with scores of their own; RR@10 says the opposite."""
    ranking = Ranking(("d1", "d0"), (2.0, 1.0))
    results.record(
        workspace.database,
        [
            QueryResult(spec.id, variant, id_, ranking, {"nDCG@10": s, "RR@10": 1 - s, JUDGED: 0.1}, 0.002)
            for id_, s in scores.items()
        ],
    )


@pytest.fixture
def compared(workspace: Workspace, add_experiment: AddExperiment) -> ExperimentSpec:
    """A finished experiment of three variants; `lead` is ahead of `rest`, `last` has nothing."""
    spec = add_experiment(workspace, "rest", "lead", "last")
    record_each(workspace, spec, "lead", LEAD)
    record_each(workspace, spec, "rest", REST)
    record_each(workspace, spec, "last", dict.fromkeys(REST, 0.0))
    return spec


def headline_of(app: AppTest) -> str:
    """What the page says first."""
    return str(app.subheader[0].value)


def test_before_the_first_experiment_it_explains_what_to_do(workspace: Workspace) -> None:
    app = open_page("compare")
    assert not app.exception
    assert "No experiment has run yet" in text_of(app)


def test_one_variant_has_nothing_to_be_compared_with(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.375)
    app = open_page("compare")
    assert not app.exception
    assert headline_of(app) == "There is nothing to compare yet"
    assert "one variant, **bm25**" in text_of(app)
    assert "Define an experiment" in labels(app, "page_link")


def test_two_variants_query_by_query(workspace: Workspace, compared: ExperimentSpec) -> None:
    app = open_page("compare", experiment=compared.id, a="lead", b="rest", measure="nDCG@10")
    assert not app.exception
    # 112 of 2^10 sign flips are as far from 0: 0.109. One of three pairs; of the two with `lead`, the better one, the
    # other has 2 of 1024, so that 0.109 is the second of three: times 2.
    assert headline_of(app).startswith("lead cannot be told from rest: 0.240 nDCG@10 ahead (95 % interval ")
    assert headline_of(app).endswith("p = 0.219 corrected), 8 wins, 2 losses, 0 ties")
    assert [(metric.label, metric.value) for metric in app.metric][:5] == [
        ("lead", "0.7400"),
        ("rest", "0.5000"),
        ("Difference", "+0.2400"),
        ("Effect: medium", "+0.71"),
        ("Queries compared", "10 of 10"),
    ]
    queries = app.dataframe[0].value
    assert list(queries["query_id"]) == [*(f"q{n}" for n in range(8)), "q8", "q9"]
    assert list(queries["difference"].round(6)) == [0.4] * 8 + [-0.4] * 2
    assert set(queries["jaccard_10"]) == {1.0}
    written = text_of(app)
    assert "Over the 10 queries that all 3 variants with a score completed. " in written
    assert "p = 0.219 corrected by Holm for all 3 pairs of variants" in written.replace("**", "")
    assert "CSV" in labels(app, "download_button")


def test_measures_that_contradict_each_other_are_pointed_out(
    workspace: Workspace, compared: ExperimentSpec
) -> None:
    app = open_page("compare", experiment=compared.id, a="lead", b="rest")
    written = text_of(app)
    assert "No: **lead** is ahead by nDCG@10; **rest** is ahead by RR@10." in written
    table = next(frame.value for frame in app.dataframe if "measure" in frame.value)
    assert list(table["measure"]) == ["nDCG@10", "RR@10"]
    assert list(table["difference"].round(6)) == [0.24, -0.24]


def test_without_names_the_best_two_are_compared(workspace: Workspace, compared: ExperimentSpec) -> None:
    app = open_page("compare")
    assert [app.selectbox(f"choose-{label}").value for label in ("Variant", "Compared with")] == [
        "lead",
        "rest",
    ]
    assert app.selectbox("choose-Variant").options == ["lead", "last"]  # not with itself


def test_choosing_and_swapping_change_the_address(workspace: Workspace, compared: ExperimentSpec) -> None:
    app = open_page("compare", experiment=compared.id, a="lead", b="rest", slice="relevant")
    app.selectbox("choose-Compared with").select("last").run()
    assert app.query_params["b"] == "last"
    assert headline_of(app).startswith("lead beats last by 0.740 nDCG@10")
    button(app, "Swap").click().run()
    assert (app.query_params["a"], app.query_params["b"]) == ("last", "lead")
    assert headline_of(app).startswith("lead beats last by 0.740 nDCG@10")
    app.selectbox("choose-Measure").select("RR@10").run()
    assert headline_of(app).startswith("last beats lead by 0.740 RR@10")
    assert dict(app.query_params.items())["slice"] == "relevant"


def test_slices_by_what_the_address_says(workspace: Workspace, compared: ExperimentSpec) -> None:
    app = open_page("compare", experiment=compared.id, a="lead", b="rest", slice="relevant")
    table = next(frame.value for frame in app.dataframe if "label" in frame.value)
    assert list(table["label"]) == ["1 relevant"]
    assert list(table["n"]) == [10]
    assert "All queries are in one slice: 1 relevant." in text_of(app)


def test_while_it_runs_what_is_there_is_compared_and_marked(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "lead", "rest")
    app = open_page("compare", experiment=spec.id, a="lead", b="rest")
    assert not app.exception
    assert "Not final: 20 queries to go under these variants." in text_of(app)
    assert "No query has a score under both variants yet." in text_of(app)
    assert not app.dataframe
    record_each(workspace, spec, "lead", LEAD)
    record_each(workspace, spec, "rest", {f"q{n}": 0.5 for n in range(4)})
    app = open_page("compare", experiment=spec.id, a="lead", b="rest")
    assert "Not final: 6 queries to go under these variants." in text_of(app)
    assert "Watch it" in labels(app, "page_link")
    assert ("Queries compared", "4 of 10") in [(metric.label, metric.value) for metric in app.metric]


def test_a_cancelled_experiment_says_so(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "lead", "rest")
    record_each(workspace, spec, "lead", LEAD)
    record_each(workspace, spec, "rest", {"q0": 0.5})
    change_status(workspace.database, spec.id, "cancel")
    app = open_page("compare", experiment=spec.id)
    assert "Not final: 9 queries were not evaluated." in text_of(app)
    assert "Resume it" in labels(app, "page_link")


def test_failures_come_first(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "lead", "rest")
    record(workspace, spec, "lead", 0.75, failed=3)
    record(workspace, spec, "rest", 0.5, failed=1)
    app = open_page("compare", experiment=spec.id, a="lead", b="rest")
    assert "3 queries failed and are left out: lead 3, rest 1" in [
        expander.label for expander in app.expander
    ]
    failed = app.dataframe[0].value
    assert list(failed["query_id"]) == ["q0", "q1", "q2"]
    assert failed["lead"].notna().tolist() == [True] * 3
    assert failed["rest"].notna().tolist() == [True, False, False]
    assert ("Queries compared", "7 of 10") in [(metric.label, metric.value) for metric in app.metric]


def test_if_all_failed_the_reason_is_shown(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "lead", "rest", "broken")
    record(workspace, spec, "lead", 0.75)
    record(workspace, spec, "rest", 0.0, failed=10)
    results.record(workspace.database, [VariantFailure(spec.id, "broken", "no such model")])
    app = open_page("compare", experiment=spec.id, a="lead", b="rest")
    assert not app.exception
    assert [expander.label for expander in app.expander] == ["10 queries failed and are left out: rest 10"]
    assert "No query has a score under rest, so there is nothing to compare." in text_of(app)
    app = open_page("compare", experiment=spec.id, a="lead", b="broken")
    assert "**broken** failed and has no score: no such model" in text_of(app)
    app = open_page("compare", experiment=spec.id, baseline="broken")
    assert "No query has a score under broken, so there is nothing to compare." in text_of(app)


def test_all_variants_against_one(workspace: Workspace, compared: ExperimentSpec) -> None:
    app = open_page("compare", experiment=compared.id, baseline="rest")
    assert not app.exception
    assert headline_of(app) == "Against rest: of 2 variants 0 better, 1 worse, 1 not separable"
    table = app.dataframe[0].value
    assert list(table["label"]) == ["lead", "last"]
    assert list(table["difference"].round(6)) == [0.24, -0.5]
    assert list(table["ahead"]) == ["not separable", "rest"]
    assert list(table["wins"]) == [8, 0]
    app.selectbox("choose-Baseline").select("last").run()
    assert app.query_params["baseline"] == "last"
    assert headline_of(app) == "Against last: of 2 variants 2 better, 0 worse, 0 not separable"


def test_a_baseline_that_is_pinned_counts_where_two_are_compared(
    workspace: Workspace, compared: ExperimentSpec
) -> None:
    app = open_page("compare", experiment=compared.id, a="lead", b="rest", baseline="rest")
    assert "p = 0.109 corrected" in headline_of(
        app
    )  # two comparisons with `rest`: 0.109 is the second of them
    assert "p is corrected for the 2 comparisons with the baseline rest." in text_of(app)
    button(app, "Swap").click().run()
    assert app.query_params["baseline"] == "rest"
    assert "p = 0.109 corrected" in headline_of(app)
    app.selectbox("choose-Variant").select("last").run()
    assert (app.query_params["a"], app.query_params["b"]) == ("last", "lead")
    assert "baseline" not in app.query_params
    assert "p is corrected for all 3 pairs of variants." in text_of(app)


def test_an_address_that_leads_nowhere_says_so(workspace: Workspace, compared: ExperimentSpec) -> None:
    app = open_page("compare", experiment=compared.id, a="gone", b="lead", slice="moon")
    assert app.warning[0].value == "The experiment look has no variant gone; it has: rest, lead, last."
    assert app.selectbox("choose-Variant").value == "rest"
    assert not app.exception
    app = open_page("compare", experiment=compared.id, baseline="gone")
    assert app.warning[0].value.startswith("The experiment look has no variant gone")
    assert app.selectbox("choose-Baseline").value == "rest"
