"""The variants of a described experiment: named, removed, and those that were written by hand shown as they are."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.experiment import Experiment
from evaluator.domain.matrix import pipeline_label
from evaluator.domain.variant import MAX_NAME, Variant
from evaluator.experiments.file_writer import write_variant
from evaluator.experiments.form import by_hand, removed, renamed
from evaluator.ui.experiments.fields import edit
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.words import plain

PER_PAGE = 10


def show_variants(experiment: Experiment) -> None:
    """Draw the variants, a page at a time."""
    variants = experiment.variants
    pages = -(-len(variants) // PER_PAGE)
    number = st.pagination(pages, key="new-variants-page") if pages > 1 else 1
    for variant in variants[(number - 1) * PER_PAGE : number * PER_PAGE]:
        _variant(variant, alone=len(variants) == 1)


def _variant(variant: Variant, *, alone: bool) -> None:
    name, handmade = variant.name, by_hand(variant)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        badge = " :gray-badge[:material/edit_note: written by hand]" if handmade else ""
        pipeline = pipeline_label(variant)
        details = f"  \n:small[{plain(pipeline)}]" if pipeline != name else ""
        st.markdown(f"**{plain(name)}**{badge}{details}", width="content")
        with st.popover("Edit", icon=":material/edit:", type="tertiary", key=keyed("variant", name)):
            field = keyed("variant-name", name)
            st.session_state[field] = name
            st.text_input("Name", key=field, max_chars=MAX_NAME, on_change=_rename, args=(name, field))
            if handmade:
                st.caption("Written by hand: the form keeps it as it is. Change it on the tab *As text*.")
            st.code(write_variant(variant), language="yaml")
            st.button(
                "Remove",
                icon=":material/delete:",
                key=keyed("variant-remove", name),
                disabled=alone,
                help="An experiment needs at least one variant" if alone else None,
                on_click=edit,
                args=(lambda experiment: removed(experiment, name),),
            )


def _rename(name: str, field: str) -> None:
    new = st.session_state[field].strip()
    edit(lambda experiment: renamed(experiment, name, new))
