"""The experiments page: the list, one experiment in each of its states, and a new one."""

from __future__ import annotations

from evaluator.domain.pipelines.shared_searches import shared_searches
from evaluator.domain.result import VariantFailure
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.library import catalog
from evaluator.retrieval.candidates import Candidates
from evaluator.store import results
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.ui.conftest import AddExperiment, button, labels, open_page, record, text_of

DENSE = {"dense": {"encoder": "sentence-transformers/all-MiniLM-L6-v2"}}
NEW = "name: new\ndataset: tiny\nvariants:\n  - {name: bm25, retrieve: {bm25: {}}}\n"


def submitted(workspace: Workspace, write_dataset: WriteDataset, text: str = NEW) -> str:
    """Really submit an experiment: its jobs wait in the queue, and nobody works."""
    catalog.import_folder(workspace, write_dataset())
    return lifecycle.submit(workspace, parse_experiment(text)).id


def test_before_the_first_experiment_it_explains_what_to_do(workspace: Workspace) -> None:
    app = open_page("experiments")
    assert not app.exception
    assert "No experiment has run yet" in text_of(app)
    assert "Define an experiment" in text_of(app)


def test_the_list_shows_each_experiment_and_how_it_ended(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    done = add_experiment(workspace, "bm25", name="done")
    record(workspace, done, "bm25", 0.4)
    failed = add_experiment(workspace, "bm25", name="with-failures")
    record(workspace, failed, "bm25", 0.4, failed=3)
    cancelled = add_experiment(workspace, "bm25", name="stopped")
    change_status(workspace.database, cancelled.id, "cancel")
    running = add_experiment(workspace, "bm25", "more", name="at-work")
    record(workspace, running, "bm25", 0.4, n=5)
    app = open_page("experiments")
    assert not app.exception
    names = labels(app, "page_link")
    assert names == ["**at-work**", "**stopped**", "**with-failures**", "**done**"]
    written = text_of(app)
    assert "25 % · 5 of 20 queries" in written
    assert "finished with failures" in written
    assert ":red[:material/error: 3 queries failed]" in written
    assert "cancelled" in written
    assert "tiny · 2 variants · started" in written


def test_names_are_shown_as_they_are_and_not_as_markup(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    name = "a *b* [c](d)"
    spec = add_experiment(workspace, "bm25", name=name)
    titles = [
        open_page("experiments", experiment=spec.id).title[0].value,
        labels(open_page("experiments"), "page_link")[0],
    ]
    for title in titles:
        assert "[c](d)" not in title
        assert plain(title).strip("*") == name


def test_a_long_list_has_pages(workspace: Workspace, add_experiment: AddExperiment) -> None:
    for number in range(21):
        add_experiment(workspace, "bm25", name=f"look {number}")
    app = open_page("experiments")
    assert not app.exception
    assert len(app.get("page_link")) == 20


def test_a_running_experiment_shows_every_variant_and_encoder(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "dense", "again", retrieve=DENSE)
    record(workspace, spec, "dense", 0.4, n=5, failed=1)
    app = open_page("experiments", experiment=spec.id)
    assert not app.exception
    assert app.title[0].value == "look"
    written = text_of(app)
    assert "**sentence-transformers/all-MiniLM-L6-v2**  \n0 % · 0 of 20 texts" in written
    assert "**dense**  \n50 % · 5 of 10 queries · :red[1 failed]" in written
    assert "**again**  \n0 % · 0 of 10 queries" in written
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Queries evaluated"] == "25 %"
    assert figures["Queries failed"] == "1"
    assert figures["Time left"] == "–"
    assert list(app.dataframe[0].value["error"]) == ["ValueError: vector of zeros"]


def test_searches_that_variants_share_are_shown_while_they_wait_for_them(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "again", retrieve={"bm25": {}})
    assert "**bm25**, once for 2 variants  \n0 % · 0 of 10 queries" in text_of(
        open_page("experiments", experiment=spec.id)
    )
    (search,) = shared_searches(spec.variants, spec.depth).all
    candidates = Candidates(spec.id, workspace.store)
    candidates.begin(batch_size=64)
    candidates.write(search, 0, {}, 0.0)
    assert "100 % · 10 of 10 queries" in text_of(open_page("experiments", experiment=spec.id))
    record(workspace, spec, "bm25", 0.4, n=5)
    record(workspace, spec, "again", 0.4, n=5)
    assert "once for 2 variants" not in text_of(open_page("experiments", experiment=spec.id))


def test_without_workers_it_says_that_nothing_moves(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    id_ = submitted(workspace, write_dataset)
    app = open_page("experiments", experiment=id_)
    assert "No workers are running" in app.warning[0].value
    assert "evaluator worker --count 2" in app.warning[0].value

    worker = WarmWorker(workspace.connection)
    worker.register_birth()
    assert not open_page("experiments", experiment=id_).warning


def test_cancelling_asks_first_and_keeps_what_is_recorded(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    id_ = submitted(workspace, write_dataset)
    app = open_page("experiments", experiment="new")
    assert lifecycle.find(workspace, id_).status == "running"
    assert "What is evaluated stays" in text_of(app)
    button(app, "Cancel the experiment").click().run()
    assert lifecycle.find(workspace, id_).status == "cancelled"
    assert workspace.connection.llen("rq:queue:evaluator") == 0

    button(app, "Resume").click().run()
    assert lifecycle.find(workspace, id_).status == "running"
    assert workspace.connection.llen("rq:queue:evaluator") > 0
    assert not app.exception


def test_an_experiment_whose_jobs_are_gone_can_be_resumed(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    id_ = submitted(workspace, write_dataset)
    workspace.connection.flushdb()
    app = open_page("experiments", experiment=id_)
    assert "Its jobs are gone" in app.warning[0].value
    button(app, "Resume").click().run()
    assert workspace.connection.llen("rq:queue:evaluator") > 0


def test_a_finished_experiment_is_complete_and_offers_nothing_to_cancel(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.4)
    app = open_page("experiments", experiment=spec.id)
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["Queries evaluated"] == "100 %"
    assert "Took" in figures
    assert [found.label for found in app.button] == [
        "Make a link",
        "Delete the experiment",
        "Keep the decision",
        "Comment",
    ]
    assert not app.error
    assert [part.value for part in app.subheader] == ["Evaluating"]


def test_deleting_an_experiment_leads_back_to_the_list(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25")
    app = open_page("experiments", experiment=spec.id)
    assert "Delete the experiment" not in [found.label for found in app.button]  # it runs
    record(workspace, spec, "bm25", 0.4)
    app = open_page("experiments", experiment=spec.id)
    button(app, "Delete the experiment").click().run()
    assert not app.exception
    assert lifecycle.all_experiments(workspace) == []
    assert "No experiment has run yet" in text_of(app)


def test_a_failed_variant_says_why_and_can_be_tried_again(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "broken")
    record(workspace, spec, "bm25", 0.4)
    results.record(workspace.database, [VariantFailure(spec.id, "broken", "no such model")])
    app = open_page("experiments", experiment=spec.id)
    assert "finished with failures" in text_of(app)
    assert [error.value for error in app.error] == ["**broken** failed: no such model"]
    assert [found.label for found in app.button] == [
        "Try again",
        "Make a link",
        "Delete the experiment",
        "Keep the decision",
        "Comment",
    ]


def test_a_queue_that_does_not_answer_is_reported(no_queue: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(no_queue, "bm25")
    app = open_page("experiments", experiment=spec.id)
    assert not app.exception
    assert "No Redis answers" in app.error[0].value
    assert app.metric


def test_recording_that_stands_still_is_reported(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25")
    assert workspace.recorder is not None
    workspace.recorder.stop()
    workspace.recorder.trouble = "results are not being recorded: disk full"
    app = open_page("experiments", experiment=spec.id)
    assert "results are not being recorded: disk full" in text_of(app).lower()


def test_an_unknown_experiment_is_an_error_and_not_an_empty_page(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    add_experiment(workspace, "bm25")
    app = open_page("experiments", experiment="gone")
    assert not app.exception
    assert app.error[0].value == "No experiment is called 'gone'; there are: look"
    assert "All experiments" in text_of(app)


def plain(text: str) -> str:
    """Without the escapes of Markdown."""
    return text.replace("\\", "")
