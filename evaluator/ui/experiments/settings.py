"""Settings of a described experiment: of its variants, and its measures, jobs and budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

import streamlit as st

from evaluator.domain.endpoint import Budget
from evaluator.domain.experiment import Experiment
from evaluator.domain.measures.scoring import DEFAULT_MEASURES
from evaluator.domain.variant import Stemmer, StopWords, Tokenizer
from evaluator.experiments.form import Setting, SettingValue, by_hand, values_of, with_setting
from evaluator.ui.experiments.fields import edit, key
from evaluator.ui.glossary import meaning

MEASURES = (*DEFAULT_MEASURES, "nDCG@20", "P@10", "R@10", "R@1000", "Success@1", "Success@5")
"""Suggestions; any that ir-measures knows can be typed."""
EVERY = ""
"""Stands for all variants in the chooser."""
DIFFERENT = "different values"
NUMBERS: Mapping[Setting, tuple[str, Mapping[str, Any]]] = {
    "k1": (
        "BM25: k1",
        {"min_value": 0.0, "step": 0.1, "help": "The higher, the more the repetition of a word counts."},
    ),
    "b": (
        "BM25: b",
        {
            "min_value": 0.0,
            "max_value": 1.0,
            "step": 0.05,
            "help": "The higher, the less long documents gain from their length.",
        },
    ),
    "rescore": (
        "Quantized vectors: rescoring factor",
        {"min_value": 1, "max_value": 1000, "help": "Full vectors rescore this many times the depth."},
    ),
    "depth": (
        "Reranking: candidates",
        {
            "min_value": 1,
            "max_value": 10_000,
            "help": f"{meaning('candidate')}\n\nNumber of candidates reordered; the rest is dropped.",
        },
    ),
}
"""Labels and bounds of settings that are numbers."""
LISTS: Mapping[Setting, tuple[str, tuple[str, ...], str | None]] = {
    "tokenizer": (
        "BM25: tokenizer",
        get_args(Tokenizer),
        f"{meaning('tokenizer')}\n\n`icu-1` finds words of all scripts, `icu-bigrams-1` pairs of characters in Chinese "
        "and Japanese; `regex` is that of earlier versions.",
    ),
    "stemmer": (
        "BM25: stemmer",
        get_args(Stemmer),
        f"{meaning('stemmer')}\n\n`auto`: of the corpus's language.",
    ),
    "stop_words": (
        "BM25: stop words",
        get_args(StopWords),
        f"{meaning('stop words')}\n\n`auto`: of the corpus's language.",
    ),
    "metric": (
        "Vectors: similarity metric",
        ("cosine", "dot", "euclidean"),
        f"{meaning('similarity metric')}\n\nAs the model was trained; cosine suits nearly all.",
    ),
}
"""Labels, options and help of settings that are chosen from a list."""
USUAL: Mapping[Setting, str] = {"metric": "cosine", "tokenizer": "regex"}
"""Options that stand for a setting that is not given."""


def show_settings(experiment: Experiment) -> None:
    """Draw the settings of the variants."""
    names = [EVERY, *(variant.name for variant in experiment.variants if not by_hand(variant))]
    if len(names) == 1:
        st.caption("All variants are written by hand; change their settings on the tab *As text*.")
        return
    if st.session_state.get(key("settings-of")) not in names:
        st.session_state[key("settings-of")] = EVERY
    chosen = st.selectbox(
        "Of",
        names,
        key=key("settings-of"),
        format_func=lambda name: name or "All variants, except those written by hand",
        persist_state="page",
    )
    left, right = st.columns(2)
    with left:
        for setting in NUMBERS:
            _number(experiment, setting, chosen or None)
    with right:
        for setting in LISTS:
            _list(experiment, setting, chosen or None)


def _number(experiment: Experiment, setting: Setting, name: str | None) -> None:
    if values := values_of(experiment, setting, name):
        label, bounds = NUMBERS[setting]
        st.session_state[key(setting)] = values[0] if len(values) == 1 else None
        st.number_input(
            label,
            key=key(setting),
            placeholder=DIFFERENT if len(values) > 1 else "none",
            on_change=_set,
            args=(setting, name),
            **bounds,
        )


def _list(experiment: Experiment, setting: Setting, name: str | None) -> None:
    if values := values_of(experiment, setting, name):
        label, options, meaning = LISTS[setting]
        st.session_state[key(setting)] = values[0] or USUAL.get(setting) if len(values) == 1 else None
        st.selectbox(
            label,
            options,
            index=None,
            key=key(setting),
            placeholder=DIFFERENT,
            on_change=_set,
            args=(setting, name),
            help=meaning,
        )


def _set(setting: Setting, name: str | None) -> None:
    chosen: SettingValue = st.session_state[key(setting)]
    value = None if chosen == USUAL.get(setting) else chosen
    edit(lambda experiment: with_setting(experiment, setting, value, name))


def show_measures(experiment: Experiment) -> None:
    """Draw the measures, the queries of a job and the budget."""
    budget = experiment.budget
    per_job = experiment.queries_per_job
    state = {
        "measures": list(experiment.measures),
        "queries_per_job": None if per_job == "auto" else per_job,
        "budget_usd": budget and budget.usd,
        "budget_tokens": budget and budget.tokens,
    }
    for field, value in state.items():
        st.session_state[key(field)] = value
    st.multiselect(
        "Measures",
        list(dict.fromkeys((*MEASURES, *experiment.measures))),
        key=key("measures"),
        accept_new_options=True,
        on_change=_set_measures,
        help=f"{meaning('measure')}\n\nAnything that ir-measures knows. The first orders the leaderboard.",
    )
    st.number_input(
        "Queries per job",
        min_value=1,
        key=key("queries_per_job"),
        placeholder="auto",
        on_change=_set_jobs,
        help=f"{meaning('job')}\n\n1 is one job per query.",
    )
    left, right = st.columns(2)
    with left:
        st.number_input(
            "Stop at USD",
            min_value=0.0001,
            format="%.2f",
            key=key("budget_usd"),
            placeholder="no limit",
            on_change=_set_budget,
        )
    with right:
        st.number_input(
            "Stop at tokens",
            min_value=1,
            key=key("budget_tokens"),
            placeholder="no limit",
            on_change=_set_budget,
            help="Sent to endpoints.",
        )


def _set_measures() -> None:
    measures = tuple(st.session_state[key("measures")])
    edit(lambda experiment: dataclasses.replace(experiment, measures=measures))


def _set_jobs() -> None:
    number = st.session_state[key("queries_per_job")]
    edit(lambda experiment: dataclasses.replace(experiment, queries_per_job=number or "auto"))


def _set_budget() -> None:
    usd, tokens = st.session_state[key("budget_usd")], st.session_state[key("budget_tokens")]
    budget = None if usd is None and tokens is None else Budget(usd, tokens)
    edit(lambda experiment: dataclasses.replace(experiment, budget=budget))
