"""The leaderboard's table: its columns, the choice of columns, and links from rows to comparisons and queries."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from evaluator.analysis.leaderboard import Leaderboard
from evaluator.analysis.pair_wording import TESTS
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.printable import csv_text
from evaluator.ui.glossary import meaning, measure_meaning
from evaluator.ui.shell.address import changed, joined
from evaluator.ui.shell.choosers import choose_several
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import COMPARE, QUERY, link
from evaluator.ui.shell.words import plain

LONG_NAME = 28
"""Letters of a variant's name up to which its column is as wide as the name."""
LONG_NAME_WIDTH = 220
"""Pixels of that column otherwise: it is pinned, and in a narrow window the score must fit beside it."""

SEPARATOR = ";"
"""Between columns in the address; measures may hold commas."""

TIED = "= best"
SMALLEST_P = 0.0001
"""Smaller ones are written like it: 10,000 sign flips tell no more. Downloads have them as they are."""

USUAL = ("tie", "difference", "p_corrected", JUDGED, "p95_ms", "index_mb", "scored", "failed", "waiting")
"""Columns that are shown unless the reader chooses others; all measures stand before them."""


def columns_of(board: Leaderboard) -> Mapping[str, tuple[str, ColumnConfig]]:
    """All columns that can be chosen: label and configuration, by key."""
    number = st.column_config.NumberColumn

    def column(label: str, format_: str, help_: str) -> tuple[str, ColumnConfig]:
        return label, number(label, format=format_, help=help_)

    to = board.reference or "the reference"
    reference = plain(to)  # tooltips are Markdown, titles of columns are not
    measures = {
        m: column(m, "%.4f", f"{measure_meaning(m)}\n\nMean over the compared queries.")
        for m in board.experiment.spec.measures
    }
    tie = f"{meaning('tie group', 'separable')}\n\nCorrected for all pairs of variants."
    return {
        **measures,
        "low": column(
            "from", "%.4f", f"Lower end of the 95 % interval of the mean.\n\n{meaning('interval')}"
        ),
        "high": column("to", "%.4f", f"Upper end of the 95 % interval of the mean.\n\n{meaning('interval')}"),
        "tie": ("Tie group", st.column_config.TextColumn("Tie", help=tie)),
        "needed": column(
            "Queries needed", "localized", "To separate it from the best, if the difference is real."
        ),
        "difference": column(f"Δ to {to}", "%+.4f", f"Difference of the means to {reference}."),
        "difference_low": column("Δ from", "%+.4f", "Lower end of the difference's 95 % interval."),
        "difference_high": column("Δ to", "%+.4f", "Upper end of the difference's 95 % interval."),
        "p": column(
            "p", "%.4f", "How often chance alone makes a difference as large, by the test in the column Test."
        ),
        "test": (
            "Test",
            st.column_config.TextColumn(
                "Test",
                help="That p is of: the randomization test; where no "
                "random sign flip reached the difference, the paired t-test.",
            ),
        ),
        "p_corrected": column(
            "p corrected",
            "%.4f",
            f"By Holm for {plain(board.correction.words)}. 0.05 and less "
            "counts as found; 0.0001 may stand for less.",
        ),
        "wins": column("Wins", "localized", f"Queries at which it is better than {reference}."),
        "ties": column("Ties", "localized", f"Queries at which it equals {reference}."),
        "losses": column("Losses", "localized", f"Queries at which it is worse than {reference}."),
        JUDGED: column(JUDGED, "percent", measure_meaning(JUDGED)),
        "p50_ms": column("p50 ms", "%.1f", "Half of the queries take less."),
        "p95_ms": column(
            "p95 ms",
            "%.1f",
            "95 of 100 queries take less, encoded, searched and reranked one at a time. "
            "Measured once the experiment is finished and no other job is running.",
        ),
        "p99_ms": column("p99 ms", "%.1f", "99 of 100 queries take less."),
        "ms_per_query": column("ms per query", "%.1f", "Mean while the experiment ran, many at a time."),
        "index_mb": column("Index MB", "%.1f", "Size of the files that search reads."),
        "usd_per_million_queries": column("USD per million", "%.2f", "Of queries, at the endpoints' prices."),
        "scored": column("Scored", "localized", "Queries with a score."),
        "unscored": column("Excluded", "localized", "Queries without a relevant document: not scored."),
        "failed": column("Failed", "localized", "Queries that failed; not averaged in."),
        "waiting": column("Waiting", "localized", "Queries still to be evaluated."),
    }


def choose_columns(board: Leaderboard) -> None:
    """Draw what chooses the table's columns; the choice is in the address."""
    options = columns_of(board)
    usual = _usual(board)
    with st.popover("Columns", icon=":material/view_column:", width="stretch"):
        choose_several(
            "Columns",
            list(options),
            _chosen(board),
            "board-columns",
            lambda columns: changed(columns=None if columns == usual else SEPARATOR.join(columns)),
            lambda column: options[column][0],
        )


def _usual(board: Leaderboard) -> list[str]:
    return list(dict.fromkeys((board.measure, *board.experiment.spec.measures, *USUAL)))


def _chosen(board: Leaderboard) -> list[str]:
    known = columns_of(board)
    named = st.query_params.get("columns", "").split(SEPARATOR)
    return [column for column in named if column in known] or _usual(board)


def show_rows(board: Leaderboard, variants: pd.DataFrame) -> None:
    """Draw the rows of some variants, and links to what is behind those that are ticked."""
    columns = columns_of(board)
    table = variants.assign(
        index_mb=variants["index_bytes"].astype(float) / 1e6,
        tie=variants["tied"].map(lambda tied: TIED if tied else ""),
        test=variants["p_test"].map(lambda test: TESTS.get(test, "")),
        **{p: variants[p].astype(float).clip(lower=SMALLEST_P) for p in ("p", "p_corrected")},
    )
    longest = int(table["variant"].str.len().max())
    width = LONG_NAME_WIDTH if longest > LONG_NAME else None
    event = st.dataframe(
        table[["variant", *_chosen(board)]],
        hide_index=True,
        # So that a refresh keeps how the reader sorted it, but no tick stays where another variant is now.
        key=keyed("board", board.experiment.id, board.measure, list(table["variant"])),
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="",
        alt=f"Variants of {board.experiment.name} by {board.measure}",
        column_config={
            "variant": st.column_config.TextColumn(
                "Variant", pinned=True, width=width, help=meaning("variant")
            ),
            **{key: config for key, (_, config) in columns.items()},
        },
    )
    ticked = [str(table["variant"].iloc[row]) for row in event.selection.rows if row < len(table)]
    _behind(board, ticked)


def _behind(board: Leaderboard, ticked: list[str]) -> None:
    """Links from ticked rows to the comparison and the queries behind them."""
    address = {"experiment": board.experiment.id, "measure": board.measure}
    with st.container(horizontal=True, vertical_alignment="center"):
        if not ticked:
            if board.n_scored > 1:
                st.caption("Select variants to compare.", width="content")
            if board.n_scored > 1 and board.baseline is not None:
                label = f"All against {plain(board.baseline)}"
                link(COMPARE, label, ":material/compare_arrows:", **address, baseline=board.baseline)
            link(QUERY, "Query by query", ":material/view_column_2:", **address)
        else:
            one, other = ticked[0], ticked[1] if len(ticked) > 1 else board.reference
            pair = [one] if other in (None, one) else [one, str(other)]
            if len(pair) == 2:
                label = f"Compare {plain(one)} with {plain(pair[1])}"
                pinned = {"baseline": board.baseline} if board.baseline in pair else {}
                link(COMPARE, label, ":material/compare_arrows:", **address, a=one, b=pair[1], **pinned)
            link(
                QUERY, "Compare query by query", ":material/view_column_2:", **address, variants=joined(pair)
            )
        _downloads(board)


def _downloads(board: Leaderboard) -> None:
    """Draw buttons that download every column of every variant."""
    name = (board.experiment.name, board.measure)
    records = board.records
    download(
        csv_text(list(records[0]), (list(record.values()) for record in records)),
        *name,
        help_="Download all columns of all variants",
    )
    download(_parquet(board), *name, kind="parquet", help_="The same for programs")


def _parquet(board: Leaderboard) -> bytes:
    buffer = io.BytesIO()
    board.table.to_parquet(buffer, index=False)
    return buffer.getvalue()
