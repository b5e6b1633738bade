"""The costs of variants, below their scores."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.analysis.costs import cost_records
from evaluator.analysis.snapshot import Snapshot
from evaluator.domain.printable import csv_text
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.words import plain

SHOWN = (
    "variant", "total_p50_ms", "total_p95_ms", "total_p99_ms", "encode_p50_ms", "search_p50_ms", "rerank_p50_ms",
    "queries_per_second", "index_mb", "vector_mb", "encode_seconds", "tokens", "usd", "usd_per_million_queries",
)  # fmt: skip


def show_costs(snapshot: Snapshot) -> None:
    """Draw the costs of an experiment's variants."""
    rows = cost_records(snapshot.experiment.spec, snapshot.costs)
    with st.expander("Costs", icon=":material/speed:"):
        if not rows:
            st.caption(
                "Measured once the experiment is finished and no other job is running: latency of a query, size of "
                "the index, what encoding took. Without a server, `evaluator costs` measures it."
            )
            return
        table = pd.DataFrame(rows)
        for name in ("index", "vector"):
            table[f"{name}_mb"] = table[f"{name}_bytes"].astype(float) / 1e6
        _draw(table)
        _basis(table)
        download(
            csv_text(
                list(map(str, table)), table.astype(object).where(table.notna(), None).itertuples(index=False)
            ),
            snapshot.experiment.name,
            "costs",
            help_="Download these numbers",
        )


def _draw(table: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn
    milliseconds = {
        column: number(label, format="%.2f", help=meaning)
        for column, label, meaning in (
            ("total_p50_ms", "p50 ms", "Half of the queries take less."),
            ("total_p95_ms", "p95 ms", "95 of 100 queries take less."),
            ("total_p99_ms", "p99 ms", "99 of 100 queries take less."),
            ("encode_p50_ms", "encode", "Encoding the query, median."),
            ("search_p50_ms", "search", "Searching and fusing, median."),
            ("rerank_p50_ms", "rerank", "Reranking, median."),
        )
    }
    st.dataframe(
        table[[column for column in SHOWN if table[column].notna().any()]],
        hide_index=True,
        placeholder="",
        alt="Costs of the variants",
        column_config={
            "variant": st.column_config.TextColumn("Variant", pinned=True, help=meaning("variant")),
            **milliseconds,
            "queries_per_second": number("queries/s", format="%.0f", help="Of one process, at the median."),
            "index_mb": number("Index MB", format="%.1f", help="Size of the files that search reads."),
            "vector_mb": number("Vectors MB", format="%.1f", help="The documents' vectors among them."),
            "encode_seconds": number(
                "Encoding s",
                format="%.1f",
                help="Of one worker, for all documents; also if it was done earlier.",
            ),
            "tokens": number("Tokens", format="localized", help="Of the documents."),
            "usd": number("USD", format="%.4f", help="Paid for encoding the documents."),
            "usd_per_million_queries": number("USD per million queries", format="%.2f"),
        },
    )


def _basis(table: pd.DataFrame) -> None:
    machines = plain(", ".join(sorted(set(table["machine"]))))
    busy = int((~table["alone"].astype(bool)).sum())
    st.caption(
        f"Queries asked one at a time, {int(table['queries'].max())} of each variant, on {machines}."
        + (f" Other jobs ran while {busy} of them were measured." if busy else "")
    )
