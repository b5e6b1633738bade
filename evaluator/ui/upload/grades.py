"""A table in which a person says which grades words stand for."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from evaluator.datasets.formats.fields import MAX_GRADE, MIN_GRADE

WORD, GRADE = "Word", "Grade"


def edit_grades(grades: Mapping[str, int], key: str) -> dict[str, int]:
    """Draw the table, with room for more words; a word without a grade is left out.

    Args:
        grades: shown at first.
    """
    table = st.data_editor(
        pd.DataFrame({WORD: list(grades), GRADE: pd.Series(list(grades.values()), dtype="Int64")}),
        hide_index=True,
        num_rows="dynamic",
        width="content",
        column_config={
            WORD: st.column_config.TextColumn(WORD, required=True, width="medium"),
            GRADE: st.column_config.NumberColumn(
                GRADE, required=True, min_value=MIN_GRADE, max_value=MAX_GRADE, step=1, width="small"
            ),
        },
        key=key,
    )
    return {
        str(word).strip(): int(grade)
        for word, grade in table.dropna().itertuples(index=False)
        if str(word).strip()
    }


def in_words(grades: Mapping[str, int]) -> str:
    """Such as `Exact 2, Irrelevant 0`."""
    return ", ".join(f"{word} {grade}" for word, grade in grades.items())
