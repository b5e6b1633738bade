"""A new experiment: presets, choices and text say the same, every mistake is shown where it is, and it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from redis import Redis
from streamlit.testing.v1 import AppTest

from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import Dense, Retrieve
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.form import BUNDLED
from evaluator.experiments.overview import experiment_yaml
from evaluator.experiments.presets import PRESETS, Preset
from evaluator.experiments.yaml_nodes import MAX_BYTES
from evaluator.library import catalog
from evaluator.settings import AllowedEndpoint, Settings
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
    """Tick or clear one of the choices."""
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
    assert "30 queries to evaluate over all variants" in written
    assert lifecycle.all_experiments(tiny) == []


@pytest.mark.parametrize("preset", PRESETS[:2], ids=lambda preset: preset.title)
def test_a_preset_fills_the_choices_and_leaves_the_dataset(tiny: Workspace, preset: Preset) -> None:
    app = form()
    tick(app, "sparse")
    button(app, preset.title).click().run()
    assert not app.exception
    assert described(app).name == preset.choices.name
    assert described(app).dataset == "tiny"
    assert app.checkbox(key="new-chunked").value == preset.choices.chunked
    assert not app.checkbox(key="new-sparse").value


# --- choices ---


def test_choices_are_written_as_text_and_planned(tiny: Workspace) -> None:
    app = form()
    tick(app, "distilled", on=False)
    tick(app, "bundled")
    tick(app, "both", on=False)
    app.selectbox(key="new-metric").select("dot").run()
    assert not app.exception
    assert names(app) == ["bm25", "all-MiniLM-L6-v2"]
    assert described(app).variants[1].retrieve == Retrieve(dense=Dense(BUNDLED, metric="dot"))
    assert figures(app)["Variants"] == "2"
    assert figures(app)["Vectors"] == "31 kB"  # 20 texts x 384 dimensions x 4 bytes


def test_what_is_missing_is_said_and_nothing_can_start(tiny: Workspace) -> None:
    app = form()
    tick(app, "distilled", on=False)
    assert ":red[:material/error: Choose at least one model: search by meaning needs one]" in text_of(app)
    assert button(app, "Start").disabled
    assert not app.text_area
    tick(app, "bundled")
    assert not button(app, "Start").disabled


def test_a_value_out_of_place_is_marked_at_its_field(tiny: Workspace) -> None:
    app = form()
    tick(app, "chunked")
    app.number_input(key="new-chunk_size").set_value(32).run()
    assert "The overlap must be smaller than the size, 32" in text_of(app)
    app.number_input(key="new-chunk_overlap").set_value(0).run()
    assert "The overlap must" not in text_of(app)
    assert "bm25 tokens-32" in names(app)


def test_what_a_folded_card_held_is_kept(tiny: Workspace) -> None:
    app = form()
    tick(app, "chunked")
    app.number_input(key="new-chunk_size").set_value(64).run()
    tick(app, "chunked", on=False)
    assert "bm25 tokens-64-32" not in names(app)
    tick(app, "chunked")
    assert "bm25 tokens-64-32" in names(app)


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


def test_once_edited_the_text_counts(tiny: Workspace) -> None:
    app = write(form(), NEW)
    assert "The text counts now; the choices are set aside." in [info.value for info in app.info]
    assert figures(app)["Variants"] == "1"
    assert text(app) == NEW

    button(app, "Discard the text").click().run()
    assert not app.info
    assert described(app).name == "quick-look"


def test_text_that_the_choices_can_say_can_become_choices_again(tiny: Workspace) -> None:
    app = write(form(), NEW.replace("mine", "bm25"))
    button(app, "Show the text as choices").click().run()
    assert not app.exception
    assert not app.info
    assert (app.text_input(key="new-name").value, names(app)) == ("new", ["bm25"])
    assert not app.checkbox(key="new-meaning").value


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


def test_a_template_becomes_choices_where_they_can_say_it(
    tiny: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(tiny, "bm25")
    app = form(new=spec.id)
    assert not app.info
    assert described(app).variants == spec.variants
    assert app.text_input(key="new-name").value == "look"


def test_any_other_template_is_text(tiny: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(tiny, "one", "two")
    app = form(new=spec.id)
    assert "The text counts now" in app.info[0].value
    assert described(app).variants == spec.variants


# --- start ---


def test_it_starts_what_is_chosen_and_shows_it_at_work(tiny: Workspace) -> None:
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
