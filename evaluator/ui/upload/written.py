"""How files are written: the row that names the columns, and the encoding. A person can say it and read them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import streamlit as st

from evaluator.datasets.reading import Kind, Reading, Table
from evaluator.datasets.recognition.recognise import Recognised
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.live import explained
from evaluator.ui.shell.words import plain
from evaluator.ui.upload.choosers import preview
from evaluator.uploads import uploads
from evaluator.workspace.workspace import Workspace

WITH_HEADER: tuple[Kind, ...] = ("csv", "tsv", "excel")
NOT_TEXT: tuple[Kind, ...] = ("excel", "parquet", "arrow")
ENCODINGS: Mapping[str, str] = {
    "utf-8": "UTF-8",
    "windows-1252": "Western (windows-1252)",
    "utf-16": "UTF-16",
    "windows-1250": "Central European (windows-1250)",
    "iso-8859-2": "Central European (ISO 8859-2)",
    "windows-1251": "Cyrillic (windows-1251)",
    "koi8-r": "Cyrillic (KOI8-R)",
    "windows-1253": "Greek (windows-1253)",
    "windows-1254": "Turkish (windows-1254)",
    "gb18030": "Chinese (GB 18030)",
    "big5": "Chinese (Big5)",
    "shift_jis": "Japanese (Shift JIS)",
    "euc-jp": "Japanese (EUC-JP)",
    "euc-kr": "Korean (EUC-KR)",
    "mac_roman": "Old Macintosh",
    "cp437": "Old DOS (437)",
    "cp850": "Old DOS (850)",
}
"""Labels by Python's names."""
AS_FOUND = ""
"""Stands for the encoding that the file declares, or UTF-8."""
PREVIEWED = 3
"""Tables whose first rows are shown where nothing was recognised."""
SHOWN = 12
"""Tables that can be changed; those that are used come first."""


def show_written(workspace: Workspace, upload: str, recognised: Recognised, reading: Reading | None) -> None:
    """Draw the header row and the encoding of each table, open where nothing was recognised."""
    tables = [info.table for info in recognised.tables if _can_differ(info.table)]
    used = {part.table for part in reading.parts} if reading is not None else set()
    tables.sort(key=lambda table: table not in used)
    if not tables:
        return
    with st.expander("How the files are written", icon=":material/text_format:", expanded=reading is None):
        st.caption(
            "The row that names the columns, counted from 1, and the encoding. Empty: as found. Changes apply once the "
            "files are read again."
        )
        infos = {info.table: info for info in recognised.tables}
        said = []
        for number, table in enumerate(tables[:SHOWN]):
            said.append(_choose(upload, table))
            if reading is None and number < PREVIEWED:
                preview(infos[table], None)
        changed = said != tables[: len(said)]
        with explained():
            if st.button(
                "Read again", icon=":material/refresh:", disabled=not changed, key=keyed("read-again", upload)
            ):
                uploads.recognise(workspace, upload, [*said, *tables[len(said) :]])
                st.rerun()
        if len(tables) > SHOWN:
            st.caption(f"{len(tables) - SHOWN:,} more tables stay as they were found.")


def _can_differ(table: Table) -> bool:
    return table.kind in WITH_HEADER or table.kind not in NOT_TEXT


def _choose(upload: str, table: Table) -> Table:
    """The table as a person says it is written."""
    name, middle, right = st.columns([2, 1, 2], vertical_alignment="bottom")
    name.markdown(f"**{plain(str(table))}**")
    header, encoding = table.header, table.encoding
    if table.kind in WITH_HEADER:
        header = middle.number_input(
            "Header row",
            0,
            value=table.header,
            placeholder="as found",
            help="0: no row names the columns.",
            key=keyed("header", upload, table),
        )
    if table.kind not in NOT_TEXT:
        options = list(dict.fromkeys((AS_FOUND, *([table.encoding] if table.encoding else []), *ENCODINGS)))
        chosen = right.selectbox(
            "Encoding",
            options,
            index=options.index(table.encoding or AS_FOUND),
            format_func=lambda value: ENCODINGS.get(value, value) if value else "as found",
            key=keyed("encoding", upload, table),
        )
        encoding = chosen or None
    return dataclasses.replace(table, header=header, encoding=encoding)
