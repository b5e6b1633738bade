"""All datasets, one row each; and the welcome where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.records import DatasetRow
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.ui.shell.badges import Badge, show_badge
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, UPLOAD, link
from evaluator.ui.shell.words import count, moment, plain, queries
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

PER_PAGE = 20
NAMED = 3
"""Experiments that a row names; the others are counted."""
SEARCH_FROM = 5
"""Datasets from which on a search is offered."""

HEALTHY = Badge("no issues", "green", ":material/check:")


def show_datasets(workspace: Workspace, rows: Sequence[DatasetRow]) -> None:
    """Draw a page of the list, and above it a search by name or tag."""
    search = ""
    if len(rows) >= SEARCH_FROM:
        search = st.text_input("Search", placeholder="Part of a name or a tag", key="datasets-search") or ""
    matching = [row for row in rows if matches(row, search)]
    if not matching:
        st.info(
            f"No dataset has “{plain(search)}” in its name, tags or description.",
            icon=":material/search_off:",
        )
        return
    users: dict[str, list[str]] = {}
    for experiment in lifecycle.listed(workspace):
        users.setdefault(experiment.dataset, []).append(experiment.name)
    pages = -(-len(matching) // PER_PAGE)
    number = st.pagination(pages, key=keyed("datasets-page", search)) if pages > 1 else 1
    for row in matching[(number - 1) * PER_PAGE : number * PER_PAGE]:
        _row(row, users.get(row.name, []))


def matches(row: DatasetRow, search: str) -> bool:
    """Whether each word is in the dataset's name, tags or description, in capitals or not."""
    text = " ".join((row.name, *row.tags, row.description)).casefold()
    return all(word in text for word in search.casefold().split())


def sizes(manifest: DatasetManifest) -> str:
    """Such as `1,876 documents · 469 queries · 469 judgments`."""
    return (
        f"{count(manifest.n_documents, 'document')} · {queries(manifest.n_queries)} · "
        f"{count(manifest.n_judgments, 'judgment')}"
    )


def health_badge(manifest: DatasetManifest) -> Badge:
    """The number of issues that the import reported."""
    if not manifest.notes:
        return HEALTHY
    return Badge(count(len(manifest.notes), "issue"), "orange", ":material/info:")


def _row(row: DatasetRow, users: Sequence[str]) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            link(DATASETS, f"**{plain(row.name)}**", dataset=row.name)
            show_badge(health_badge(row.manifest))
        st.caption(f"{sizes(row.manifest)} · since {moment(row.imported_at, st.context.timezone)}")
        if row.description:
            st.markdown(plain(row.description.splitlines()[0]))
        show_tags(row.tags)
        st.caption(_users(users))


def show_tags(tags: Sequence[str]) -> None:
    """Draw a dataset's tags."""
    if tags:
        with st.container(horizontal=True, gap="xsmall"):
            for tag in tags:
                # Not `st.badge`, which escapes brackets once more.
                st.markdown(f":gray-badge[:material/sell: {plain(tag)}]", width="content")


def _users(users: Sequence[str]) -> str:
    if not users:
        return "No experiment has used it yet"
    names = list(dict.fromkeys(users))
    others = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"Used by {', '.join(map(plain, names[:NAMED]))}{others}"


def welcome(workspace: Workspace) -> None:
    """Explain what a dataset is, and how to get to one."""
    with st.container(border=True):
        st.subheader("There is no dataset yet", anchor=False)
        st.markdown(
            "A dataset is what systems are compared on:\n\n"
            "- **documents**: what is searched, such as articles, products or pages of a manual\n"
            "- **queries**: what people really ask\n"
            "- **judgments**: which documents answer which query. They may come later; scores wait for them.\n\n"
            "A spreadsheet of questions and the passages that answer them is enough to begin with."
        )
        if not may(Action.EDIT):
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Upload a dataset", type="primary", icon=":material/upload_file:"):
                st.switch_page(UPLOAD)
            if st.button("Use the demo dataset", icon=":material/science:"):
                with st.spinner("Building it ..."):
                    row = catalog.import_demo(workspace)
                st.switch_page(DATASETS, query_params={"dataset": row.name})
        st.caption(
            "The demo dataset is the documentation of Python's standard library. From the command line: "
            "`evaluator dataset import FOLDER`."
        )
