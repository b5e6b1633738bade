"""Variants to add, in the session: one key per field, and what the fields mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import streamlit as st

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.matrix import NONE, Strategy, label
from evaluator.domain.variant import MMR, Chunk, CrossEncoder, Dense, LanguageModel, Rerank
from evaluator.experiments.form import BUNDLED, CROSS_ENCODER, DISTILLED, LATE_MODEL, SPARSE_MODEL, Addition
from evaluator.ui.experiments.fields import key

ALL = "all"
"""Stands for a model's own number of dimensions."""
STRATEGIES: tuple[Strategy, ...] = ("bm25", "dense", "hybrid")
USUAL: Mapping[str, object] = {
    "bundled": False,
    "distilled": False,
    "hub": (),
    "server": None,
    "endpoint_models": (),
    "endpoint_price": None,
    "precisions": ("float32",),
    "dimensions": (ALL,),
    "quantize": (NONE,),
    **dict.fromkeys(STRATEGIES, False),
    "sparse": False,
    "sparse_models": (SPARSE_MODEL,),
    "late": False,
    "late_models": (LATE_MODEL,),
    "chunked": False,
    "chunk_by": ("tokens",),
    "chunk_size": 256,
    "chunk_overlap": 32,
    "chunk_score": "max",
    "whole": True,
    "reranked": False,
    "cross_encoders": (CROSS_ENCODER,),
    "vectors": False,
    "mmr": False,
    "relevance": 0.5,
    "chat_models": (),
    "chat_price": None,
    "chat_output_price": None,
}
"""Values of the fields when the form opens."""


def reset() -> None:
    """Set every field to its usual value."""
    for field, value in USUAL.items():
        st.session_state[key(field)] = list(value) if isinstance(value, tuple) else value


def ticked(field: str) -> bool:
    """Whether a box is ticked."""
    return bool(st.session_state[key(field)])


def read_addition() -> tuple[Addition, Mapping[str, str]]:
    """What the fields mean, and what is wrong or missing, by field; the former counts if nothing is."""
    problems = dict(_problems())
    models = _models()
    endpoints = _endpoints("endpoint_models", "endpoint_price")
    chats = _endpoints("chat_models", "chat_price", "chat_output_price") if ticked("reranked") else ()
    if problems:
        return Addition(), problems
    first = next(iter((*models, *(endpoint.name for endpoint in endpoints))), BUNDLED)
    return Addition(
        strategies=tuple(strategy for strategy in STRATEGIES if ticked(strategy)),
        models=models,
        endpoints=endpoints,
        sparse=_names("sparse_models") if ticked("sparse") else (),
        late=_names("late_models") if ticked("late") else (),
        precisions=tuple(st.session_state[key("precisions")]),
        dimensions=tuple(NONE if size == ALL else int(size) for size in _names("dimensions")),
        quantize=tuple(st.session_state[key("quantize")]),
        chunks=_chunks(),
        rerank=tuple(_rerankers(first, chats)) if ticked("reranked") else (),
        chats=chats,
    ), {}


def _problems() -> Iterator[tuple[str, str]]:
    if not any(ticked(field) for field in (*STRATEGIES, "sparse", "late")):
        yield "strategies", "Choose at least one strategy"
    if (ticked("dense") or ticked("hybrid")) and not (_models() or _names("endpoint_models")):
        yield "models", "Choose at least one model: dense search needs one"
    for field in ("sparse", "late"):
        if ticked(field) and not _names(f"{field}_models"):
            yield field, "Name at least one model"
    if ticked("chunked"):
        if not _names("chunk_by"):
            yield "chunked", "Choose at least one way to cut"
        try:
            _chunks()
        except ValueError as error:
            yield "chunked", str(error).capitalize()
    if ticked("reranked") and not any(
        (_names("cross_encoders"), ticked("vectors"), ticked("mmr"), _names("chat_models"))
    ):
        yield "reranked", "Choose at least one reranker"
    for field in ("precisions", "dimensions", "quantize"):
        if not _names(field):
            yield field, "Choose at least one"
    for size in _names("dimensions"):
        if size != ALL and not (size.isdecimal() and int(size) > 0):
            yield "dimensions", f"{size!r} is no number of dimensions; write a whole number, or {ALL}"


def _names(field: str) -> tuple[str, ...]:
    """The values of a field that takes several."""
    values: Sequence[str] = st.session_state[key(field)]
    return tuple(dict.fromkeys(values))


def _models() -> tuple[str, ...]:
    chosen = [model for model, field in ((BUNDLED, "bundled"), (DISTILLED, "distilled")) if ticked(field)]
    return tuple(dict.fromkeys((*chosen, *_names("hub"))))


def _chunks() -> tuple[Chunk | Literal["none"], ...]:
    if not ticked("chunked"):
        return (NONE,)
    size, overlap, score = (st.session_state[key(f"chunk_{field}")] for field in ("size", "overlap", "score"))
    passages = tuple(Chunk(by, size, overlap, score) for by in st.session_state[key("chunk_by")])
    return (NONE, *passages) if ticked("whole") else passages


def _rerankers(model: str, chats: Sequence[Endpoint]) -> Iterator[Rerank]:
    """The chosen rerankers.

    Args:
        model: whose vectors rerank.
        chats: endpoints of chat models.
    """
    for name in _names("cross_encoders"):
        yield Rerank(cross_encoder=CrossEncoder(name))
    if ticked("vectors"):
        yield Rerank(dense=Dense(model))
    if ticked("mmr"):
        yield Rerank(mmr=MMR(model, relevance=st.session_state[key("relevance")]))
    for chat in chats:
        yield Rerank(llm=LanguageModel(chat.name))


def _endpoints(models: str, price: str, output_price: str | None = None) -> tuple[Endpoint, ...]:
    """Endpoints of the models that a field names, at the chosen server.

    Args:
        models: the field of their names.
        price, output_price: the fields of their prices.
    """
    server = st.session_state[key("server")]
    if server is None:
        return ()
    url, variable = server
    named = {label(model): model for model in _names(models)}
    return tuple(
        Endpoint(
            name,
            url,
            model,
            variable,
            usd_per_million_tokens=st.session_state[key(price)],
            usd_per_million_output_tokens=st.session_state[key(output_price)] if output_price else None,
        )
        for name, model in named.items()
    )
