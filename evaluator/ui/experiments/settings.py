"""Settings that few experiments need to change, folded away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import streamlit as st

from evaluator.domain.measures.scoring import DEFAULT_MEASURES
from evaluator.domain.variant import Precision, Stemmer, StopWords
from evaluator.experiments.form import ALL, Choices
from evaluator.ui.experiments.fields import key, message

Problems = Mapping[str, str]

MEASURES = (*DEFAULT_MEASURES, "nDCG@20", "P@10", "R@10", "R@1000", "Success@1", "Success@5")
"""Suggestions; any that ir-measures knows can be typed."""
DIMENSIONS = (ALL, "64", "128", "256", "512")


def show_settings(choices: Choices, problems: Problems) -> None:
    """Draw the settings of what is chosen."""
    st.subheader("Settings", anchor=False)
    if choices.needs_model:
        with _folded("Vectors", problems, "precisions", "dimensions", "quantize"):
            _vectors(choices, problems)
    if choices.words or choices.both:
        with _folded("Words (BM25)", problems):
            _words()
    if choices.chunked:
        with _folded("Passages", problems, "chunk_overlap"):
            _passages(problems)
    if choices.reranked:
        with _folded("Reranking", problems):
            _reranking(choices)
    with _folded("Measures, jobs and budget", problems, "measures"):
        _running(problems)


def _folded(label: str, problems: Problems, *fields: str) -> st.delta_generator.DeltaGenerator:
    return st.expander(label, expanded=any(field in problems for field in fields))


def _vectors(choices: Choices, problems: Problems) -> None:
    st.multiselect(
        "Precision", list(get_args(Precision)), key=key("precisions"), persist_state="page",
        help="Of the model's arithmetic. bfloat16 is faster where the processor has it, and changes little.",
    )  # fmt: skip
    message(problems, "precisions")
    st.multiselect(
        "Dimensions kept", list(DIMENSIONS), key=key("dimensions"),
        accept_new_options=True, persist_state="page",
        help="Models trained for it (Matryoshka) lose little when the last dimensions are dropped.",
    )  # fmt: skip
    message(problems, "dimensions")
    st.multiselect(
        "Quantized to", ["none", "int8", "binary"], key=key("quantize"), persist_state="page",
        help="Bytes take a quarter of the memory, bits a thirty-second.",
    )  # fmt: skip
    message(problems, "quantize")
    if set(choices.quantize) - {"none"}:
        st.number_input(
            "Rescoring factor: full vectors for this many times the depth", min_value=1, max_value=1000,
            key=key("rescore"), placeholder="none", persist_state="page",
        )  # fmt: skip
    st.selectbox(
        "Similarity", ["cosine", "dot", "euclidean"], key=key("metric"), persist_state="page",
        help="As the model was trained; cosine suits nearly all.",
    )  # fmt: skip


def _words() -> None:
    left, right = st.columns(2)
    with left:
        st.number_input(
            "k1", min_value=0.0, step=0.1, key=key("k1"), persist_state="page",
            help="The higher, the more a word's repetition counts.",
        )  # fmt: skip
        st.selectbox("Stemmer", list(get_args(Stemmer)), key=key("stemmer"), persist_state="page")
    with right:
        st.number_input(
            "b", min_value=0.0, max_value=1.0, step=0.05, key=key("b"), persist_state="page",
            help="The higher, the less long documents gain from their length.",
        )  # fmt: skip
        st.selectbox("Stop words", list(get_args(StopWords)), key=key("stop_words"), persist_state="page")


def _passages(problems: Problems) -> None:
    left, right = st.columns(2)
    with left:
        st.number_input(
            "Size", min_value=8, max_value=8192, key=key("chunk_size"), persist_state="page",
            help="Tokens of the model at most; words for BM25.",
        )  # fmt: skip
    with right:
        st.number_input(
            "Overlap", min_value=0, key=key("chunk_overlap"), persist_state="page",
            help="Tokens that a passage repeats of the one before.",
        )  # fmt: skip
    message(problems, "chunk_overlap")
    st.selectbox(
        "A document's score", ["max", "mean", "sum"], key=key("chunk_score"), persist_state="page",
        format_func={
            "max": "its best passage's", "mean": "mean of its best three", "sum": "sum of its best three",
        }.__getitem__,
    )  # fmt: skip


def _reranking(choices: Choices) -> None:
    st.number_input(
        "Candidates", min_value=1, max_value=10_000, key=key("depth"), persist_state="page",
        help="Number of candidates reordered; the rest is dropped.",
    )  # fmt: skip
    if choices.mmr:
        st.slider(
            "Relevance against novelty", 0.0, 1.0, step=0.05, key=key("relevance"), persist_state="page",
            help="1 is relevance alone.",
        )  # fmt: skip


def _running(problems: Problems) -> None:
    st.multiselect(
        "Measures", list(MEASURES), key=key("measures"),
        accept_new_options=True, persist_state="page",
        help="Anything that ir-measures knows. The first orders the leaderboard.",
    )  # fmt: skip
    message(problems, "measures")
    st.number_input(
        "Queries per job", min_value=1, key=key("queries_per_job"), placeholder="auto", persist_state="page",
        help="1 is one job per query.",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        st.number_input(
            "Stop at USD", min_value=0.0001, format="%.2f", key=key("budget_usd"), placeholder="no limit",
            persist_state="page",
        )  # fmt: skip
    with right:
        st.number_input(
            "Stop at tokens", min_value=1, key=key("budget_tokens"), placeholder="no limit",
            persist_state="page", help="Sent to endpoints.",
        )  # fmt: skip
