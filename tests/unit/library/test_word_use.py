"""How BM25 finds words in a dataset: said with plans and scores."""

from __future__ import annotations

import pytest

from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
from evaluator.datasets.layout import corpus_artifact, queries_artifact
from evaluator.domain.experiment import ExperimentSpec
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.plan import plan
from evaluator.experiments.records import plan_record
from evaluator.library import catalog
from evaluator.library.word_use import WordUse, word_remarks, word_uses
from evaluator.report.contents import collect
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import begin

GERMAN = [
    "Springende Ketten deuten auf verschlissene Kassetten hin.",
    "Quietschende Scheibenbremsen werden mit Alkohol gereinigt.",
]
QUERIES = ["Kette springt", "?!", "und mit der"]
"""The last has German stop words alone: und (and), mit (with), der (the)."""


def text(*retrieve: str) -> str:
    lines = [f"- {{name: v{n}, retrieve: {{bm25: {bm25}}}}}" for n, bm25 in enumerate(retrieve)]
    return "\n".join(["name: look", "dataset: german", "variants:", *lines])


@pytest.fixture
def german(library: Workspace, write_dataset: WriteDataset) -> Workspace:
    judged = {number: {0: 1} for number in range(len(QUERIES))}
    catalog.import_folder(library, write_dataset("german", GERMAN, QUERIES, judged))
    return library


def spec(workspace: Workspace, described: str) -> ExperimentSpec:
    row = catalog.find(workspace, "german")
    return lifecycle.resolve_spec(workspace, parse_experiment(described), row, allow_paths=False)


def test_the_choice_and_what_becomes_of_the_queries_are_said(german: Workspace) -> None:
    (use,) = word_uses(german, spec(german, text("{}", "{k1: 2}")))
    assert use == WordUse(
        variants=("v0", "v1"),
        tokenizer="icu-1",
        stemmer="german",
        stop_words="german",
        language="German",
        fits=True,
        queries=3,
        empty=("q1",),
        stop_words_alone=("q2",),
    )
    assert use.choice == (
        "BM25 of v0, v1: tokenizer icu-1, stemmer german, stop words german; the corpus is German."
    )
    assert use.remarks == (
        "BM25 of v0, v1 finds no word in 1 of 3 queries (q1), and so no document.",
        "BM25 of v0, v1 searches by stop words in 1 of 3 queries (q2): there are no other words.",
    )


def test_what_does_not_fit_the_language_is_said(german: Workspace) -> None:
    uses = word_uses(german, spec(german, text("{tokenizer: regex}", "{stemmer: none, stop_words: none}")))
    old, none = uses
    assert old.remarks == (
        "BM25 of v0: the corpus is German, but the stemmer is english and the stop words are english; auto takes "
        "those of the corpus's language.",
        "BM25 of v0 finds no word in 1 of 3 queries (q1), and so no document.",
    )
    assert none.fits  # no stemmer suits every language
    (stopped,) = word_uses(
        german, spec(german, text("{tokenizer: regex, stemmer: german, stop_words: german}"))
    )
    assert stopped.empty == ("q1", "q2")  # its index has no stop words, so nothing can be found by them
    assert stopped.stop_words_alone == ()


def test_many_variants_and_queries_are_counted_and_the_first_named(german: Workspace) -> None:
    (use,) = word_uses(german, spec(german, text(*(f"{{k1: {n}}}" for n in range(1, 6)))))
    assert use.choice.startswith("BM25 of v0, v1, v2 and 2 more: ")


def test_a_plan_the_leaderboard_and_the_report_say_it(german: Workspace) -> None:
    described = parse_experiment(text("{}"))
    record = plan_record(plan(german, described))
    assert [(use["stemmer"], use["empty"], len(use["remarks"])) for use in record["words"]] == [
        ("german", ("q1",), 2)
    ]
    row = catalog.find(german, "german")
    begin(german.database, spec(german, text("{}")), row.name, row.manifest.n_queries)
    experiment = lifecycle.find(german)
    remarks = list(word_remarks(german, experiment.spec))
    assert len(remarks) == 2
    assert leaderboard_record(leaderboard(german, experiment))["remarks"] == remarks
    notes = collect(german, experiment).notes
    assert {*remarks, record["words"][0]["choice"]} <= {*notes}


def test_scores_stay_readable_without_the_dataset(german: Workspace) -> None:
    row = catalog.find(german, "german")
    resolved = spec(german, text("{}"))
    for artifact in (corpus_artifact(row.manifest), queries_artifact(row.manifest)):
        german.store.remove(artifact)
    assert word_uses(german, resolved) == ()
