"""A dataset's documents, queries and judgments: a page at a time, with a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pandas as pd
import streamlit as st

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document
from evaluator.domain.printable import as_code
from evaluator.domain.records import DatasetRow
from evaluator.library import browsing, catalog
from evaluator.library.browsing import ListedQuery, Page
from evaluator.library.download import judgments_csv
from evaluator.ui.datasets.additions import offer_files, offer_queries
from evaluator.ui.datasets.judgments import show_judgments_of
from evaluator.ui.datasets.list import show_tags
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import DATASETS, link
from evaluator.ui.shell.words import count, plain
from evaluator.workspace.workspace import Workspace

T = TypeVar("T")

PER_PAGE = 20
JUDGMENTS_PER_PAGE = 100
EXCERPT = 300
"""Characters of a text that are shown before somebody asks for all of it."""

Browse = Callable[[StoredDataset, str, int, int], Page[T]]


def show_documents(workspace: Workspace, row: DatasetRow) -> None:
    """Draw the documents, or the one that the address names."""
    if "document" in st.query_params:
        link(DATASETS, "All documents", ":material/arrow_back:", dataset=row.name, tab="documents")
        _documents(row, (browsing.document(catalog.load(workspace, row), st.query_params["document"]),))
        return
    _browse(
        workspace, row, "document", browsing.documents, PER_PAGE, lambda documents: _documents(row, documents)
    )


def show_queries(workspace: Workspace, row: DatasetRow) -> None:
    """Draw the queries, each with a link to its judgments."""

    def draw(queries: tuple[ListedQuery, ...]) -> None:
        for listed in queries:
            _query(row, listed)

    offer_queries(workspace, row)
    if row.manifest.n_queries:
        _browse(workspace, row, "query", browsing.queries, PER_PAGE, draw, "queries")


def show_judgments(workspace: Workspace, row: DatasetRow) -> None:
    """Draw the judgments, or an editor of one query's where the address names a query."""
    if "query" in st.query_params:
        link(DATASETS, "All judgments", ":material/arrow_back:", dataset=row.name, tab="judgments")
        show_judgments_of(workspace, row, st.query_params["query"])
        return
    if not row.manifest.n_judgments:
        _no_judgments(row)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Choose a row to see and edit all judgments of its query.", width="content")
        offer_files(row, "Add judgments from files")
        download(
            lambda: judgments_csv(catalog.load(workspace, row)),
            row.name,
            "judgments",
            help_="Download all judgments",
        )
    _browse(
        workspace,
        row,
        "judgment",
        browsing.judgments,
        JUDGMENTS_PER_PAGE,
        lambda triples: _judgments(row, triples),
    )


def _no_judgments(row: DatasetRow) -> None:
    """Say how a dataset gets its first judgments."""
    has_queries = row.manifest.n_queries > 0
    st.info(
        "No query has a judgment yet. Judge documents for one query at a time, or add a file of judgments."
        if has_queries
        else "Judgments say which documents answer a query. Add queries first, or a file with both.",
        icon=":material/gavel:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        label, icon = (
            ("Choose a query to judge", ":material/gavel:")
            if has_queries
            else ("Add queries", ":material/playlist_add:")
        )
        link(DATASETS, label, icon, dataset=row.name, tab="queries")
        offer_files(
            row, "Add judgments from files" if has_queries else "Add queries and judgments from files"
        )


def _browse(
    workspace: Workspace,
    row: DatasetRow,
    noun: str,
    browse: Browse[T],
    per_page: int,
    draw: Callable[[tuple[T, ...]], None],
    plural: str | None = None,
) -> None:
    """A search, the rows of one page, and the way to the others."""
    search = st.text_input(
        "Search",
        key=keyed(f"{noun}-search", row.name),
        placeholder="Part of an id or a text",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    key = keyed(f"{noun}-page", row.name, search)
    offset = (st.session_state.get(key, 1) - 1) * per_page
    page = browse(catalog.load(workspace, row), search or "", offset, per_page)
    if not page.rows:
        nothing = f"has “{plain(search)}” in it" if search else "is there"
        st.info(f"No {noun} {nothing}.", icon=":material/search_off:")
        return
    last = offset + len(page.rows)
    total = f"of {count(page.total, noun, plural)}" if page.total is not None else "and more"
    st.caption(f"{offset + 1:,}–{last:,} {total}")
    draw(page.rows)
    pages = -(-page.total // per_page) if page.total is not None else offset // per_page + 2
    if pages > 1:
        st.pagination(pages, key=key)


def _documents(row: DatasetRow, documents: tuple[Document, ...]) -> None:
    for document in documents:
        with st.container(border=True, gap="xsmall"):
            title = f" · **{plain(document.title)}**" if document.title else ""
            st.markdown(f"{as_code(document.doc_id)}{title}")
            if len(document.text) <= EXCERPT:
                st.text(document.text or "No text")
                continue
            st.text(f"{document.text[:EXCERPT]} …")
            whole = st.expander(
                f"All {len(document.text):,} characters",
                key=keyed("whole", row.manifest.corpus, document.doc_id),
                on_change="rerun",
            )
            if whole.open:
                whole.text(document.text)


def _query(row: DatasetRow, listed: ListedQuery) -> None:
    query = listed.query
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"{as_code(query.query_id)} · {_judged(listed)}", width="content")
            link(
                DATASETS,
                "Judgments",
                ":material/gavel:",
                dataset=row.name,
                tab="judgments",
                query=query.query_id,
            )
        st.text(query.text)
        show_tags(query.tags)


def _judged(listed: ListedQuery) -> str:
    if not listed.judged:
        return "unjudged"
    relevant = f"{listed.relevant:,} relevant" if listed.relevant else ":orange[none relevant]"
    return f"{listed.judged:,} judged, {relevant}"


def _judgments(row: DatasetRow, triples: tuple[tuple[str, str, int], ...]) -> None:
    chosen = st.dataframe(
        pd.DataFrame(triples, columns=["Query", "Document", "Grade"]),
        hide_index=True,
        key=keyed("judgments-table", row.name, triples),
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Judgments of {row.name}",
    )
    if rows := chosen["selection"]["rows"]:
        st.query_params.from_dict({"dataset": row.name, "tab": "judgments", "query": triples[rows[0]][0]})
        st.rerun()
