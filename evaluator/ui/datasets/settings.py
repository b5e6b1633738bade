"""A dataset's settings: name, description, tags; and deleting it."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.records import DatasetRow
from evaluator.library import catalog
from evaluator.library.catalog import MAX_DESCRIPTION, MAX_NAME
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, EXPERIMENTS, link
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import count, moment, plain
from evaluator.workspace.workspace import Workspace


def show_settings(workspace: Workspace, row: DatasetRow) -> None:
    """Draw the forms."""
    _describe(workspace, row)
    st.subheader("Delete", anchor=False)
    _delete(workspace, row)


def _describe(workspace: Workspace, row: DatasetRow) -> None:
    shown = (row.name, row.description, list(row.tags))
    with st.form(keyed("describe", *shown)):
        name = st.text_input("Name", row.name, max_chars=MAX_NAME, key=keyed("dataset-name", *shown))
        description = st.text_area(
            "Description",
            row.description,
            max_chars=MAX_DESCRIPTION,
            height=100,
            key=keyed("dataset-text", *shown),
        )
        known = {tag for other in catalog.all_datasets(workspace) for tag in other.tags}
        tags = st.multiselect(
            "Tags",
            sorted(known),
            list(row.tags),
            accept_new_options=True,
            placeholder="Choose or type",
            key=keyed("dataset-tags", *shown),
        )
        st.caption("Renaming also updates its experiments.")
        if st.form_submit_button("Save", type="primary"):
            with explained():
                changed = catalog.change(workspace, row.name, name or "", description or "", tags)
                st.switch_page(DATASETS, query_params={"dataset": changed.name, "tab": "settings"})


def _delete(workspace: Workspace, row: DatasetRow) -> None:
    if users := catalog.used_by(workspace, row.id):
        users_use = count(len(users), "experiment uses", "experiments use")
        st.markdown(f"It cannot be deleted while {users_use} it. Delete them first:")
        for experiment in users:
            started = moment(experiment.started_at, st.context.timezone)
            label = f"{plain(experiment.name)} · {started}"
            link(EXPERIMENTS, label, ":material/science:", experiment=experiment.id)
        return
    with st.popover("Delete", icon=":material/delete:", key="delete"):
        st.markdown(
            "This permanently deletes all of its versions. Download it first if you may need it again."
        )
        if st.button("Delete the dataset", type="primary"):
            with explained():
                catalog.remove(workspace, row.name)
                st.switch_page(DATASETS)
