"""One dataset: its description and uses, and a tab each for its parts, health report, versions and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.names import without_folder
from evaluator.domain.printable import plain_lines
from evaluator.domain.records import DatasetRow, DatasetVersion
from evaluator.library import catalog
from evaluator.library.health_report import health
from evaluator.ui.datasets.health import show_health
from evaluator.ui.datasets.list import health_badge, show_tags, sizes
from evaluator.ui.datasets.provenance import show_provenance
from evaluator.ui.datasets.settings import show_settings
from evaluator.ui.datasets.tables import show_documents, show_judgments, show_queries
from evaluator.ui.shell.badges import show_badge
from evaluator.ui.shell.links import DATASETS, EXPERIMENTS, HISTORY, link
from evaluator.ui.shell.live import live
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

LISTED = 5
"""Experiments that the header links to; the others are on the experiments page."""

Draw = Callable[[Workspace, DatasetRow], None]


def show_dataset(workspace: Workspace, row: DatasetRow) -> None:
    """Draw a dataset; which tab is open is in the address."""
    st.title(plain(row.name), anchor=False)
    _header(row)
    _relations(workspace, row)
    tabs_shown = {tab: label for tab, label in TABS.items() if tab != "settings" or may(Action.EDIT)}
    labels = list(tabs_shown.values())
    named = tabs_shown.get(st.query_params.get("tab", ""), labels[0])
    st.session_state["dataset-tab"] = named

    def go() -> None:
        chosen = {label: tab for tab, label in TABS.items()}[st.session_state["dataset-tab"]]
        st.query_params.from_dict({"dataset": row.name, "tab": chosen})

    tabs = st.tabs(labels, key="dataset-tab", on_change=go)
    for tab, name in zip(tabs, tabs_shown, strict=True):
        if tab.open:
            with tab:
                live(lambda draw=DRAW[name]: draw(workspace, row), refresh=False)  # type: ignore[misc]


def _header(row: DatasetRow) -> None:
    manifest = row.manifest
    with st.container(horizontal=True, vertical_alignment="center"):
        show_badge(health_badge(manifest))
        since = moment(row.imported_at, st.context.timezone)
        st.caption(f"{sizes(manifest)} · version {row.version} since {since}", width="content")
    if row.description:
        st.markdown(plain_lines(row.description))
    show_tags(row.tags)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button(
            "Download",
            f"api/datasets/{quote(row.name, safe='')}/download?project={row.project}",
            icon=":material/download:",
            help="A zip file in BEIR's format; importing it gives the same dataset",
        )
        with st.popover("Fingerprints", icon=":material/fingerprint:", type="tertiary"):
            st.markdown("Equal fingerprints are equal content, wherever it was imported.")
            parts = {"dataset": manifest.fingerprint, "documents": manifest.corpus}
            parts |= {"queries": manifest.queries, "judgments": manifest.qrels}
            for part, fingerprint in parts.items():
                st.caption(part.capitalize())
                st.code(fingerprint, language=None)


def _relations(workspace: Workspace, row: DatasetRow) -> None:
    """Links to the experiments over it, and to datasets that share documents and queries."""
    newest_first = catalog.used_by(workspace, row.id)
    users = list({experiment.name: experiment for experiment in reversed(newest_first)}.values())[::-1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if not users and not row.manifest.n_queries:
            st.caption("Experiments need queries.", width="content")
            if may(Action.EDIT):
                link(DATASETS, "Add queries", ":material/playlist_add:", dataset=row.name, tab="queries")
        elif not users:
            st.caption("No experiment has used it yet.", width="content")
            if may(Action.RUN):
                link(EXPERIMENTS, "Define one", ":material/add:", new="")
        else:
            st.caption("Used by", width="content")
            for experiment in users[:LISTED]:
                link(EXPERIMENTS, plain(experiment.name), ":material/science:", experiment=experiment.id)
            if len(users) > LISTED:
                link(EXPERIMENTS, f"and {len(users) - LISTED} more")
            link(HISTORY, "History", ":material/timeline:", dataset=row.name)
    if siblings := catalog.siblings(workspace, row):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Same documents and queries, other judgments or runs:", width="content")
            for sibling in siblings:
                link(DATASETS, plain(sibling.name), ":material/database:", dataset=sibling.name)


def _show_health(workspace: Workspace, row: DatasetRow) -> None:
    with st.spinner("Examining all of it; a large corpus takes some seconds ..."):
        report = health(workspace, row)
    show_health(report)


def _show_versions(workspace: Workspace, row: DatasetRow) -> None:
    st.caption(
        "An experiment stays with the version it ran over. Adding queries or editing judgments makes a new one."
    )
    for version in catalog.versions(workspace, row.id):
        _version(version)
    show_provenance(workspace, row)


def _version(version: DatasetVersion) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**Version {version.version}** · {plain(version.change)}", width="content")
            st.caption(moment(version.created_at, st.context.timezone), width="content")
        st.caption(f"{sizes(version.manifest)} · from {plain(without_folder(version.source))}")
        st.code(version.manifest.fingerprint, language=None)


TABS: Mapping[str, str] = {
    "documents": "Documents",
    "queries": "Queries",
    "judgments": "Judgments",
    "health": "Health",
    "versions": "Versions",
    "settings": "Settings",
}
"""Labels by what the address says."""
DRAW: Mapping[str, Draw] = {
    "documents": show_documents,
    "queries": show_queries,
    "judgments": show_judgments,
    "health": _show_health,
    "versions": _show_versions,
    "settings": show_settings,
}
