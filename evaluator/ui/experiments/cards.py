"""Models and strategies to choose from: cards that say what each is, what it is best for and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import streamlit as st

from evaluator.experiments.form import CROSS_ENCODER, LATE_MODEL, SPARSE_MODEL, Choices
from evaluator.ui.experiments.fields import key, message
from evaluator.ui.shell.identity import told_apart

Problems = Mapping[str, str]

HUB_MODELS = (
    "BAAI/bge-small-en-v1.5",
    "intfloat/multilingual-e5-small",
    "sentence-transformers/all-mpnet-base-v2",
)
"""Suggestions; any other can be typed."""
CUTS = {"tokens": "Equal lengths", "sentences": "Whole sentences", "structure": "Headings, paragraphs"}


class Card(NamedTuple):
    """What can be chosen.

    Attributes:
        field: of `Choices` that it ticks.
        what: a sentence.
        best_for, cost: what follows `Best for` and `Cost`.
    """

    field: str
    title: str
    what: str
    best_for: str
    cost: str


BUNDLED_CARD = Card(
    "bundled",
    "all-MiniLM-L6-v2",
    "A small transformer for English, 384 dimensions. It comes with this software.",
    "A sound baseline; it reads the first 256 tokens of a text.",
    "About 30 abstracts a second on two cores.",
)
DISTILLED_CARD = Card(
    "distilled",
    "MiniLM, distilled",
    "A vector for each word, averaged over the text: 256 dimensions, and the order of words does not count.",
    "A first look, and millions of texts.",
    "Next to nothing: thousands of texts a second.",
)
WORDS_CARD = Card(
    "words",
    "Words (BM25)",
    "Counts the words that query and document share; rare ones count most.",
    "Names, codes and exact terms. Always worth comparing with.",
    "Next to nothing, and needs no model.",
)
MEANING_CARD = Card(
    "meaning",
    "Meaning (dense)",
    "Compares a vector of the query with one of each document.",
    "Questions in other words than the documents use.",
    "Encodes every document once with each model.",
)
BOTH_CARD = Card(
    "both",
    "Both (hybrid)",
    "One list from words and meaning, by the ranks that a document has in each.",
    "Queries of both kinds; often better than either alone.",
    "Both searches for each query.",
)
CHUNKED_CARD = Card(
    "chunked",
    "Passages (chunked)",
    "Cuts documents into passages; a document is as good as its best one.",
    "Documents longer than the model reads, or about several subjects.",
    "More vectors to encode, keep and search.",
)
RERANKED_CARD = Card(
    "reranked",
    "Reranked",
    "Reorders the best candidates of a search. Each variant also runs without reranking.",
    "Searches that find the right document, but not at the top.",
    "Work for every query; a cross-encoder reads every candidate with it.",
)
SPARSE_CARD = Card(
    "sparse",
    "Learned sparse (SPLADE)",
    "A model gives each text weighted terms, including terms that do not occur in it.",
    "Exact terms and their relatives, between words and meaning.",
    "Encodes every document, slower than a dense model of its size.",
)
LATE_CARD = Card(
    "late",
    "Late interaction (ColBERT)",
    "Keeps a vector of every token; each of the query's looks for its best match.",
    "Queries of several parts, and texts unlike the model's training data.",
    "A hundred times the memory of one vector per document.",
)


def show_models(choices: Choices, problems: Problems, servers: Sequence[tuple[str, str | None]]) -> None:
    """Draw the models of vectors.

    Args:
        servers: endpoints that may be asked: base URL and the variable of the key.
    """
    st.subheader("Models", anchor=False)
    st.caption(
        "They turn texts into vectors. Each chosen strategy that needs a model runs with each chosen model."
    )
    message(problems, "models")
    cards: list[Callable[[], None]] = [lambda: _card(BUNDLED_CARD), lambda: _card(DISTILLED_CARD), _hub]
    if servers:
        cards.append(lambda: _endpoint(servers))
    _grid(cards)


def show_strategies(choices: Choices, problems: Problems, servers: Sequence[tuple[str, str | None]]) -> None:
    """Draw the strategies; see `show_models`."""
    st.subheader("Strategies", anchor=False)
    st.caption("How documents are found. Passages and reranking are tried with each of the others.")
    message(problems, "strategies")
    _grid(
        [
            lambda: _card(WORDS_CARD),
            lambda: _card(MEANING_CARD),
            lambda: _card(BOTH_CARD),
            lambda: _chunked(choices, problems),
            lambda: _reranked(choices, problems, servers),
            lambda: _learned(SPARSE_CARD, choices.sparse, "sparse_models", SPARSE_MODEL, problems),
            lambda: _learned(LATE_CARD, choices.late, "late_models", LATE_MODEL, problems),
        ]
    )


def _grid(cards: Sequence[Callable[[], None]]) -> None:
    """Two beside each other, where there is room."""
    for start in range(0, len(cards), 2):
        for column, draw in zip(st.columns(2), cards[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                draw()


def _card(card: Card) -> None:
    with _more(card):
        pass


@contextmanager
def _more(card: Card) -> Iterator[None]:
    """A card; what is drawn inside comes after its text."""
    st.checkbox(f"**{card.title}**", key=key(card.field), persist_state="page")
    st.caption(f"{card.what}  \n**Best for:** {_lower(card.best_for)}  \n**Cost:** {_lower(card.cost)}")
    yield


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def models_field(field: str, label: str, suggestions: Sequence[str], placeholder: str) -> None:
    """Draw a field for names of models: suggestions, or whatever is typed."""
    st.multiselect(
        label,
        list(suggestions),
        key=key(field),
        accept_new_options=True,
        placeholder=placeholder,
        persist_state="page",
    )


def _hub() -> None:
    st.markdown("**Models from the hub**")
    st.caption(
        "Any sentence-transformers model, by `organisation/name`; a revision may follow after `@`.  \n"
        "**Cost:** one download per machine."
    )
    models_field("hub", "Names", HUB_MODELS, "Choose, or type a name")


def _endpoint(servers: Sequence[tuple[str, str | None]]) -> None:
    st.markdown("**Models behind an endpoint**")
    st.caption("Whatever a server offers under OpenAI's interface.  \n**Cost:** its price per token.")
    server_field(servers)
    models_field("endpoint_models", "Embedding models", (), "Type the server's name of a model")
    price("endpoint_price", "USD for a million tokens")


def server_field(servers: Sequence[tuple[str, str | None]]) -> None:
    """Draw the choice of an endpoint's server."""
    if st.session_state[key("server")] not in servers:
        st.session_state[key("server")] = servers[0]
    names = told_apart(servers, lambda server: server[0], lambda server: server[1] or "no key")
    st.selectbox("Server", servers, key=key("server"), format_func=names, persist_state="page")


def price(field: str, label: str) -> None:
    """Draw a field for a price; empty where none is known."""
    st.number_input(
        label, min_value=0.0, format="%.3f", key=key(field), placeholder="not known", persist_state="page"
    )


def _chunked(choices: Choices, problems: Problems) -> None:
    with _more(CHUNKED_CARD):
        if choices.chunked:
            st.pills(
                "Cut by", list(CUTS), selection_mode="multi", format_func=CUTS.__getitem__,
                key=key("chunk_by"), persist_state="page",
            )  # fmt: skip
            st.checkbox("Compare with whole documents", key=key("whole"), persist_state="page")
        message(problems, "chunked")


def _reranked(choices: Choices, problems: Problems, servers: Sequence[tuple[str, str | None]]) -> None:
    with _more(RERANKED_CARD):
        if choices.reranked:
            models_field("cross_encoders", "By a cross-encoder", (CROSS_ENCODER,), "None; choose or type one")
            st.checkbox(
                "By vectors of the first model", key=key("second_look"), persist_state="page",
                help="Cheap: find by words, then order by meaning.",
            )  # fmt: skip
            st.checkbox(
                "For diversity (MMR)", key=key("mmr"), persist_state="page",
                help="A candidate that repeats those above it moves down.",
            )  # fmt: skip
            if servers:
                models_field("chat_models", "By a chat model", (), "None; type the server's name")
                if choices.chat_models:
                    price("chat_price", "USD for a million tokens read")
                    price("chat_output_price", "USD for a million tokens written")
        message(problems, "reranked")


def _learned(card: Card, used: bool, field: str, suggestion: str, problems: Problems) -> None:
    with _more(card):
        if used:
            models_field(field, "Models", (suggestion,), "Choose, or type a name")
        message(problems, card.field)
