"""A new experiment: form and text edit one description, every mistake is shown where it is, and it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from redis import Redis
from streamlit.testing.v1 import AppTest

from evaluator.allowed_endpoint import AllowedEndpoint
from evaluator.domain.endpoint import Budget
from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import BM25, Dense, Retrieve
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.form import BUNDLED
from evaluator.experiments.overview import experiment_yaml
from evaluator.experiments.presets import PRESETS, Preset
from evaluator.experiments.yaml_nodes import MAX_BYTES
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace, serve
from tests.conftest import WriteDataset
from tests.ui.conftest import AddExperiment, button, open_page, text_of

NEW = "name: new\ndataset: tiny\nvariants:\n  - {name: mine, retrieve: {bm25: {}}}\n"


@pytest.fixture
def tiny(workspace: Workspace, write_dataset: WriteDataset) -> Workspace:
    """The workspace with the dataset `tiny`."""
    catalog.import_folder(workspace, write_dataset())
    return workspace


def form(**address: str) -> AppTest:
    """The form as it opens."""
    app = open_page("experiments", **{"new": "", **address})
    assert not app.exception
    return app


def text(app: AppTest) -> str:
    """The description as text."""
    return str(app.text_area(key="description").value)


def described(app: AppTest) -> Experiment:
    """What the description as text says."""
    return parse_experiment(text(app))


def names(app: AppTest) -> list[str]:
    return [variant.name for variant in described(app).variants]


def tick(app: AppTest, field: str, on: bool = True) -> AppTest:
    """Tick or clear a box."""
    box = app.checkbox(key=f"new-{field}")
    return (box.check() if on else box.uncheck()).run()


def write(app: AppTest, description: str) -> AppTest:
    """Edit the text."""
    return app.text_area(key="description").input(description).run()


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def unescaped(text: str) -> str:
    """As a browser draws it: without the escapes of Markdown."""
    return re.sub(r":color\[(.+?)\]", r"\1", text).replace("\\", "")


# --- the beginning ---


def test_without_a_dataset_it_says_how_to_get_one(workspace: Workspace) -> None:
    app = form()
    assert "No dataset is here yet" in text_of(app)
    assert "Upload your own data" in text_of(app)
    assert not app.text_area
    button(app, "Add the demo dataset").click().run()
    assert not app.exception
    assert [row.name for row in catalog.all_datasets(workspace)] == ["python-stdlib"]
    assert described(app).dataset == "python-stdlib"


def test_it_begins_with_a_quick_look_and_its_plan(tiny: Workspace) -> None:
    app = form()
    assert names(app) == ["bm25", "distilled-all-MiniLM-L6-v2", "distilled-all-MiniLM-L6-v2 + bm25"]
    assert figures(app)["Variants"] == "3"
    written = text_of(app)
    assert "Queries: 10 to encode" in written
    assert f"2 variants share the queries and documents of distilled:{BUNDLED}: encoded once." in unescaped(
        written
    )
    assert (
        "BM25 of bm25, distilled-all-MiniLM-L6-v2 + bm25: tokenizer icu-1, stemmer english, stop words english; "
        "the corpus is English."
    ) in unescaped(written)
    assert "30 queries to evaluate over all variants" in written
    assert lifecycle.all_experiments(tiny) == []


@pytest.mark.parametrize("preset", PRESETS[:2], ids=lambda preset: preset.title)
def test_a_preset_describes_an_experiment_and_leaves_the_dataset(tiny: Workspace, preset: Preset) -> None:
    app = form()
    button(app, preset.title).click().run()
    assert not app.exception
    assert described(app) == preset.on("tiny")


# --- the form ---


def test_variants_are_added_written_as_text_and_planned(tiny: Workspace) -> None:
    app = form()
    tick(app, "bundled")
    tick(app, "dense")
    button(app, "Add 1 variant").click().run()
    assert not app.exception
    assert names(app)[-1] == "all-MiniLM-L6-v2"
    assert described(app).variants[-1].retrieve == Retrieve(dense=Dense(BUNDLED))
    assert figures(app)["Variants"] == "4"
    assert button(app, "Add variants").disabled  # it is there already
    assert "has all of these variants already" in text_of(app)


def test_variants_are_removed_but_for_the_last(tiny: Workspace) -> None:
    app = form()
    for left in (2, 1):
        next(widget for widget in app.button if widget.label == "Remove").click().run()
        assert len(names(app)) == left
    assert next(widget for widget in app.button if widget.label == "Remove").disabled


def test_a_variant_is_renamed(tiny: Workspace) -> None:
    app = form()
    field = next(widget for widget in app.text_input if widget.value == "bm25")
    field.input("words").run()
    assert names(app)[0] == "words"
    next(widget for widget in app.text_input if widget.value == "words").input("a/b").run()
    assert "Not changed: " in app.error[0].value
    assert names(app)[0] == "words"


def test_a_setting_of_all_variants_or_of_one(tiny: Workspace) -> None:
    app = form()
    app.selectbox(key="new-metric").select("dot").run()
    app.selectbox(key="new-settings-of").select("bm25").run()
    app.number_input(key="new-k1").set_value(1.2).run()
    assert not app.exception
    words, dense, _hybrid = described(app).variants
    assert (words.retrieve.bm25 or BM25()).k1 == 1.2
    assert (dense.retrieve.dense or Dense("")).metric == "dot"
    app.selectbox(key="new-settings-of").select("").run()
    assert app.number_input(key="new-k1").value is None  # the hybrid has another


def test_the_tokenizer_of_earlier_versions_can_be_chosen(tiny: Workspace) -> None:
    app = form()
    assert app.selectbox(key="new-tokenizer").value == "icu-1"
    app.selectbox(key="new-tokenizer").select("regex").run()
    assert not app.exception
    assert (described(app).variants[0].retrieve.bm25 or BM25.written()).tokenizer is None
    assert app.selectbox(key="new-tokenizer").value == "regex"
    app.selectbox(key="new-stemmer").select("german").run()
    plan = unescaped(text_of(app))
    assert "the corpus is English, but the stemmer is german and the stop words are english" in plan


def test_measures_jobs_and_budget_are_part_of_the_description(tiny: Workspace) -> None:
    app = form()
    app.multiselect(key="new-measures").set_value(["RR@10"]).run()
    app.number_input(key="new-queries_per_job").set_value(1).run()
    app.number_input(key="new-budget_tokens").set_value(9).run()
    found = described(app)
    assert (found.measures, found.queries_per_job, found.budget) == (("RR@10",), 1, Budget(tokens=9))
    app.multiselect(key="new-measures").set_value([]).run()
    assert "Not changed: " in app.error[0].value
    assert described(app).measures == ("RR@10",)


def test_a_description_needs_a_name(tiny: Workspace) -> None:
    app = form()
    app.text_input(key="new-name").input(" ").run()
    assert "Not changed: " in app.error[0].value
    assert described(app).name == "quick-look"


def test_what_is_missing_for_an_addition_is_said_at_its_field(tiny: Workspace) -> None:
    app = form()
    tick(app, "dense")
    assert ":red[:material/error: Choose at least one model: dense search needs one]" in text_of(app)
    assert button(app, "Add variants").disabled
    tick(app, "chunked")
    app.number_input(key="new-chunk_size").set_value(32).run()
    assert "The overlap 32 must be smaller than the size 32" in text_of(app)
    app.number_input(key="new-chunk_overlap").set_value(0).run()
    assert "The overlap" not in text_of(app)


def test_what_a_folded_card_held_is_kept(tiny: Workspace) -> None:
    app = form()
    tick(app, "bm25")
    tick(app, "chunked")
    app.number_input(key="new-chunk_size").set_value(64).run()
    tick(app, "chunked", on=False)
    tick(app, "chunked")
    button(app, "Add 1 variant").click().run()
    assert names(app)[-1] == "bm25 tokens-64-32"


def test_a_variant_written_by_hand_is_kept_and_shown_as_such(tiny: Workspace) -> None:
    handmade = "  - {name: mine, retrieve: {dense: {encoder: m, query_prompt: 'query: '}}}\n"
    app = write(form(), NEW.replace("name: mine", "name: bm25") + handmade)
    assert "written by hand" in text_of(app)
    mine = described(app).variants[1]
    app.selectbox(key="new-stemmer").select("german").run()
    app.text_input(key="new-name").input("other").run()
    found = described(app)
    assert (found.name, found.variants[1]) == ("other", mine)
    assert (found.variants[0].retrieve.bm25 or BM25()).stemmer == "german"


def test_a_matrix_is_shown_as_its_variants(tiny: Workspace) -> None:
    app = write(form(), "name: new\ndataset: tiny\nmatrix: {encoders: [m], retrieve: [bm25, dense]}\n")
    assert names(app) == ["bm25", "m"]
    next(widget for widget in app.button if widget.label == "Remove").click().run()
    assert names(app) == ["m"]
    assert "matrix" not in text(app)


def test_endpoints_are_offered_only_where_the_operator_allows_some(tiny: Workspace) -> None:
    assert "Models behind an endpoint" not in text_of(form())


@pytest.fixture
def with_endpoint(
    tmp_path_factory: pytest.TempPathFactory, valkey: Settings, write_dataset: WriteDataset
) -> Iterator[Workspace]:
    """A workspace whose operator allows one server."""
    Redis.from_url(valkey.queue_url).flushdb()
    allowed = (AllowedEndpoint(base_url="http://127.0.0.1:9/v1", key="SOME_KEY"),)
    settings = Settings(home=tmp_path_factory.mktemp("home"), redis_url=valkey.queue_url, endpoints=allowed)
    with Workspace.open(settings) as opened, serve(opened):
        catalog.import_folder(opened, write_dataset())
        yield opened


def test_a_model_behind_an_allowed_endpoint_is_priced(with_endpoint: Workspace) -> None:
    app = form()
    app.multiselect(key="new-endpoint_models").set_value(["embed-3"]).run()
    app.number_input(key="new-endpoint_price").set_value(100.0).run()
    tick(app, "hybrid")
    button(app, "Add 1 variant").click().run()
    assert not app.exception
    (endpoint,) = described(app).endpoints
    assert (endpoint.name, endpoint.base_url, endpoint.key) == (
        "embed-3",
        "http://127.0.0.1:9/v1",
        "SOME_KEY",
    )
    assert "embed-3 + bm25" in names(app)
    # 10 documents and 10 queries have 534 letters, hence about 134 tokens, at 100 USD for a million.
    assert figures(app)["Price in USD"] == "0.0134"


# --- text ---


def test_an_edit_of_the_text_is_one_of_the_form(tiny: Workspace) -> None:
    app = write(form(), NEW)
    assert figures(app)["Variants"] == "1"
    assert text(app) == NEW
    assert app.text_input(key="new-name").value == "new"
    assert any(widget.value == "mine" for widget in app.text_input)


def test_mistakes_in_the_text_can_be_undone(tiny: Workspace) -> None:
    app = write(form(), "name: new\n")
    assert "The text has mistakes" in app.info[0].value
    button(app, "Undo the mistakes").click().run()
    assert not app.info
    assert described(app).name == "quick-look"


def test_every_mistake_in_a_text_is_shown_with_its_line(tiny: Workspace) -> None:
    broken = "name: new\nmeasures: [nDGC@10]\nvariants:\n  - {name: a, retrieve: {bm52: {}}}\n"
    app = write(form(), broken)
    messages = [unescaped(error.value) for error in app.error]
    assert messages[0].startswith("**Line 1** &nbsp; `name: new`")
    assert "dataset: is missing" in messages[0]
    assert messages[1].startswith("**Line 2** &nbsp; `measures: [nDGC@10]`")
    assert "did you mean nDCG@10?" in messages[1]
    assert messages[2].startswith("**Line 4**")
    assert "did you mean bm25?" in messages[2]
    assert button(app, "Start").disabled


def test_no_folder_can_be_read_from_the_browser(workspace: Workspace, write_dataset: WriteDataset) -> None:
    folder = write_dataset()
    catalog.import_folder(workspace, write_dataset("other"))
    app = write(form(), NEW.replace("tiny", str(folder)))
    assert "No dataset is called" in app.error[0].value
    assert button(app, "Start").disabled


def test_a_file_can_be_imported(tiny: Workspace) -> None:
    app = form()
    app.file_uploader(key="new-upload").set_value(("mine.yaml", NEW.encode(), "application/yaml")).run()
    assert not app.exception
    assert text(app) == NEW

    app.file_uploader(key="new-upload").set_value(
        ("bm25.yaml", NEW.replace("mine", "bm25").encode(), "")
    ).run()
    assert (app.text_input(key="new-name").value, names(app)) == ("new", ["bm25"])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"#" * (MAX_BYTES + 1), "larger than the 262,144 bytes"), (b"name: \xff", "is not UTF-8")],
)
def test_a_file_that_cannot_be_read_changes_nothing(tiny: Workspace, content: bytes, message: str) -> None:
    app = form()
    app.file_uploader(key="new-upload").set_value(("mine.yaml", content, "application/yaml")).run()
    assert message in app.error[0].value
    assert described(app).name == "quick-look"


# --- an experiment as a template ---


@pytest.mark.parametrize("variants", [("bm25",), ("one", "two")])
def test_an_experiment_is_described_again(
    tiny: Workspace, add_experiment: AddExperiment, variants: tuple[str, ...]
) -> None:
    spec = add_experiment(tiny, *variants)
    app = form(new=spec.id)
    assert not app.info
    assert described(app).variants == spec.variants
    assert app.text_input(key="new-name").value == "look"


# --- start ---


def test_it_starts_what_is_chosen_and_shows_it_running(tiny: Workspace) -> None:
    app = form()
    button(app, "Start").click().run()
    assert not app.exception
    assert app.title[0].value == "quick-look"
    started = lifecycle.find(tiny, "quick-look")
    assert started.status == "running"
    assert len(started.spec.variants) == 3


def test_it_starts_what_is_written(tiny: Workspace) -> None:
    app = write(form(), NEW)
    button(app, "Start").click().run()
    assert not app.exception
    assert app.title[0].value == "new"
    row = lifecycle.find(tiny, "new")
    assert row.status == "running"
    again = parse_experiment(experiment_yaml(row))
    assert lifecycle.submit(tiny, again).id == row.id


def test_a_queue_that_does_not_answer_records_nothing(
    no_queue: Workspace, write_dataset: WriteDataset
) -> None:
    catalog.import_folder(no_queue, write_dataset())
    app = form()
    button(app, "Start").click().run()
    assert "No Redis answers" in app.error[0].value
    assert not lifecycle.all_experiments(no_queue)
