"""Pages are of one project; whoever sees several chooses in the sidebar. Limits and share links on pages."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.domain.access import MAIN, Person, Role, Way
from evaluator.domain.records import Quotas
from evaluator.library import catalog, quotas
from evaluator.people import projects, share_links
from evaluator.ui.shell.person import project_of_page
from evaluator.workspace.acting import acting_as, in_project, otherwise
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.ui.conftest import AddExperiment, labels, open_page, record, text_of

ANN = Person("ann", Way.PASSWORD, "1", is_admin=True)
BOTH = Person("bob", Way.PASSWORD, "2", roles={MAIN: Role.EDITOR, "web": Role.VIEWER})
WEB = Person("carl", Way.PASSWORD, "3", roles={"web": Role.EDITOR})


@pytest.fixture
def web(workspace: Workspace, write_dataset: WriteDataset) -> Workspace:
    projects.add(workspace, "web")
    with in_project("web"):
        catalog.import_folder(workspace, write_dataset("handbook"))
    return workspace


def opened(person: Person, page: str, **address: str) -> AppTest:
    with otherwise(lambda: person, str, project_of_page):
        app = open_page(page, **address)
    assert not app.exception, app.exception[0].value
    return app


def test_a_page_shows_the_datasets_of_its_project(web: Workspace, write_dataset: WriteDataset) -> None:
    catalog.import_folder(web, write_dataset("tiny"))
    main, other = opened(BOTH, "datasets"), opened(BOTH, "datasets", project="web")
    assert ("tiny" in text_of(main), "handbook" in text_of(main)) == (True, False)
    assert ("tiny" in text_of(other), "handbook" in text_of(other)) == (False, True)


def test_whoever_sees_several_projects_chooses_one_and_stays_there(web: Workspace) -> None:
    with otherwise(lambda: BOTH, str, project_of_page):
        app = open_page("datasets")
        (chooser,) = [box for box in app.selectbox if box.label == "Project"]
        assert list(chooser.options) == [MAIN, "web"]
        chooser.select("web").run()
    assert app.query_params["project"] == "web"
    assert "handbook" in text_of(app)
    assert "Upload a dataset" not in labels(app, "button")  # a viewer there, an editor in the other


def test_whoever_sees_one_project_has_no_choice_and_needs_no_address(web: Workspace) -> None:
    app = opened(WEB, "datasets")
    assert [box.label for box in app.selectbox if box.label == "Project"] == []
    assert "handbook" in text_of(app)
    assert "project" not in app.query_params


@pytest.mark.parametrize("name", [MAIN, "nowhere"])
def test_an_address_in_a_project_that_is_not_ones_own_shows_nothing(web: Workspace, name: str) -> None:
    app = opened(WEB, "datasets", project=name)
    assert "carl has no role" in app.error[0].value
    assert "tiny" not in text_of(app)


def test_a_link_to_an_experiment_opens_its_project(
    web: Workspace, add_experiment: AddExperiment, workspace: Workspace
) -> None:
    spec = add_experiment(workspace, "bm25", "other")
    for variant in ("bm25", "other"):
        record(workspace, spec, variant, 0.5)
    app = opened(BOTH, "leaderboard", project="web", experiment=spec.id)
    assert "project" not in app.query_params
    assert "tiny" in {box.value for box in app.selectbox}


def test_limits_that_are_near_are_said_where_more_is_used(web: Workspace) -> None:
    quotas.set_limits(web, "web", Quotas(storage=quotas.usage(web, "web").storage))
    assert "is near its limits" in text_of(opened(WEB, "upload"))
    assert "is near its limits" not in text_of(opened(BOTH, "upload"))


def test_a_leaderboard_is_shared_by_a_link_which_is_shown_once(
    add_experiment: AddExperiment, workspace: Workspace
) -> None:
    spec = add_experiment(workspace, "bm25", "other")
    for variant in ("bm25", "other"):
        record(workspace, spec, variant, 0.5)
    with otherwise(lambda: ANN, str, project_of_page):
        app = open_page("leaderboard", experiment=spec.id)
        next(button for button in app.button if button.label == "Make a link").click().run()
        address = next(code.value for code in app.code if "/share/" in code.value)
        again = app.run()
    assert not any("/share/" in code.value for code in again.code)
    with acting_as(ANN):
        assert share_links.opened(workspace, address.rpartition("/")[2]).link.part == "leaderboard"
    viewer = Person("vi", Way.PASSWORD, "4", roles={MAIN: Role.VIEWER})
    assert "Make a link" not in labels(opened(viewer, "leaderboard", experiment=spec.id), "button")


def test_administrators_make_projects_and_see_what_they_use(workspace: Workspace) -> None:
    with otherwise(lambda: ANN, str, project_of_page):
        app = open_page("people")
        next(field for field in app.text_input if field.label == "New project").input("search")
        next(button for button in app.button if button.label == "Make it").click().run()
    assert not app.exception
    assert app.query_params["project"] == "search"
    assert "0 bytes of datasets · 0 experiments running" in text_of(app)
