"""Variants to add: cards of models and strategies that say what each is, what it is best for and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, get_args

import streamlit as st

from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import Precision, Variant
from evaluator.experiments.form import CROSS_ENCODER, LATE_MODEL, SPARSE_MODEL, added, new_variants
from evaluator.ui.experiments.addition import ALL, read_addition, ticked
from evaluator.ui.experiments.fields import edit, key
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.identity import told_apart
from evaluator.ui.shell.words import capital, count, plain

Problems = Mapping[str, str]
Servers = Sequence[tuple[str, str | None]]
"""Endpoints that the operator allows: base URL, and the variable of the key."""

HUB_MODELS = (
    "BAAI/bge-small-en-v1.5",
    "intfloat/multilingual-e5-small",
    "sentence-transformers/all-mpnet-base-v2",
)
"""Suggestions; any other can be typed."""
DIMENSIONS = (ALL, "64", "128", "256", "512")
"""Suggestions; any other number can be typed."""
CUTS = {"tokens": "Equal lengths", "sentences": "Whole sentences", "structure": "Headings, paragraphs"}


SCORES = {"max": "its best passage's", "mean": "mean of its best three", "sum": "sum of its best three"}
TICKS = ("bundled", "distilled", "hub", "bm25", "dense", "hybrid", "sparse", "late", "chunked", "reranked")
"""Fields of which one is set once somebody has begun to choose."""


class Card(NamedTuple):
    """What can be chosen.

    Attributes:
        field: that it ticks.
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
BM25_CARD = Card(
    "bm25",
    "Lexical (BM25)",
    "Counts the words that query and document share; rare ones count most.",
    "Names, codes and exact terms. Always worth comparing with.",
    "Next to nothing, and needs no model.",
)
DENSE_CARD = Card(
    "dense",
    "Dense",
    "Compares a vector of the query with one of each document.",
    "Questions in other words than the documents use.",
    "Encodes every document once with each model.",
)
HYBRID_CARD = Card(
    "hybrid",
    "Hybrid",
    "Fuses the lists of BM25 and dense search by the ranks of a document in each.",
    "Mixed queries; often better than either alone.",
    "Both searches for each query.",
)
CHUNKED_CARD = Card(
    "chunked",
    "Passages (chunked)",
    "Cuts documents into passages; the best passage decides where its document ranks.",
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
    "Exact terms and related ones: between BM25 and dense search.",
    "Encodes every document, slower than a dense model of its size.",
)
LATE_CARD = Card(
    "late",
    "Late interaction (ColBERT)",
    "Keeps a vector of every token; each of the query's looks for its best match.",
    "Queries of several parts, and texts unlike the model's training data.",
    "A hundred times the memory of one vector per document.",
)


def show_addition(experiment: Experiment, servers: Servers) -> None:
    """Draw what variants can be made of, and the button that adds them to an experiment."""
    st.caption(
        "Each chosen strategy runs with each chosen model, way to cut and reranker. Nothing is added before you "
        "press the button below."
    )
    addition, problems = read_addition()
    started = any(ticked(field) for field in TICKS)
    shown = problems if started else {}
    _models(shown, servers)
    _strategies(shown, servers)
    new: tuple[Variant, ...] = ()
    problem = ""
    if not problems:
        try:
            new = new_variants(addition, experiment.variants)
        except ValueError as error:
            problem = capital(str(error))
    st.button(
        f"Add {count(len(new), 'variant')}" if new else "Add variants",
        icon=":material/add:",
        disabled=not new,
        on_click=edit,
        args=(lambda described: added(described, addition),),
        key="new-add",
    )
    if problem:
        st.error(problem, icon=":material/error:")
    elif not problems and not new:
        st.caption("The experiment has all of these variants already.")


def _models(problems: Problems, servers: Servers) -> None:
    st.markdown("**Models** turn texts into vectors.", help=meaning("encoder"))
    _message(problems, "models")
    cards: list[Callable[[], None]] = [lambda: _card(BUNDLED_CARD), lambda: _card(DISTILLED_CARD), _hub]
    if servers:
        cards.append(lambda: _endpoint(servers))
    _grid(cards)
    vectors = {"precisions", "dimensions", "quantize"}
    with st.expander("Precision, dimensions, quantization", expanded=not vectors.isdisjoint(problems)):
        _vectors(problems)


def _strategies(problems: Problems, servers: Servers) -> None:
    st.markdown(
        "**Strategies** find documents. Passages and reranking combine with each of the others.",
        help=meaning("strategy", "passage", "reranking"),
    )
    _message(problems, "strategies")
    _grid(
        [
            lambda: _card(BM25_CARD),
            lambda: _card(DENSE_CARD),
            lambda: _card(HYBRID_CARD),
            lambda: _chunked(problems),
            lambda: _reranked(problems, servers),
            lambda: _learned(SPARSE_CARD, SPARSE_MODEL, problems),
            lambda: _learned(LATE_CARD, LATE_MODEL, problems),
        ]
    )


def _message(problems: Problems, field: str) -> None:
    """Draw what is wrong with a field, if anything is."""
    if field in problems:
        st.markdown(f":red[:material/error: {plain(problems[field])}]")


def _grid(cards: Sequence[Callable[[], None]]) -> None:
    """Draw two side by side, where there is room."""
    for start in range(0, len(cards), 2):
        for column, draw in zip(st.columns(2), cards[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                draw()


def _card(card: Card) -> None:
    st.checkbox(f"**{card.title}**", key=key(card.field), persist_state="page")
    st.caption(f"{card.what}  \n**Best for:** {_lower(card.best_for)}  \n**Cost:** {_lower(card.cost)}")


def _lower(sentence: str) -> str:
    return sentence if sentence[1].isupper() else sentence[0].lower() + sentence[1:]


def _names_field(field: str, label: str, suggestions: Sequence[str], placeholder: str) -> None:
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
    _names_field("hub", "Names", HUB_MODELS, "Choose, or type a name")


def _endpoint(servers: Servers) -> None:
    st.markdown("**Models behind an endpoint**")
    st.caption("Whatever a server offers under OpenAI's interface.  \n**Cost:** its price per token.")
    if st.session_state[key("server")] not in servers:
        st.session_state[key("server")] = servers[0]
    names = told_apart(servers, lambda server: server[0], lambda server: server[1] or "no key")
    st.selectbox("Server", servers, key=key("server"), format_func=names, persist_state="page")
    _names_field("endpoint_models", "Embedding models", (), "Type the server's name of a model")
    _price("endpoint_price", "USD per million tokens")


def _price(field: str, label: str) -> None:
    """Draw a field for a price; empty where none is known."""
    st.number_input(
        label, min_value=0.0, format="%.3f", key=key(field), placeholder="not known", persist_state="page"
    )


def _vectors(problems: Problems) -> None:
    st.multiselect(
        "Precision",
        list(get_args(Precision)),
        key=key("precisions"),
        persist_state="page",
        help="Of the model's arithmetic. bfloat16 is faster where the processor has it, and changes little.",
    )
    _message(problems, "precisions")
    st.multiselect(
        "Dimensions kept",
        list(DIMENSIONS),
        key=key("dimensions"),
        accept_new_options=True,
        persist_state="page",
        help="Models trained for it (Matryoshka) lose little when the last dimensions are dropped.",
    )
    _message(problems, "dimensions")
    st.multiselect(
        "Quantized to",
        ["none", "int8", "binary"],
        key=key("quantize"),
        persist_state="page",
        help=f"{meaning('quantization')}\n\nint8 takes a quarter of the memory, binary a thirty-second.",
    )
    _message(problems, "quantize")


def _chunked(problems: Problems) -> None:
    _card(CHUNKED_CARD)
    if ticked("chunked"):
        st.pills(
            "Cut by",
            list(CUTS),
            selection_mode="multi",
            format_func=CUTS.__getitem__,
            key=key("chunk_by"),
            persist_state="page",
        )
        st.number_input(
            "Size",
            min_value=8,
            max_value=8192,
            key=key("chunk_size"),
            persist_state="page",
            help="Tokens of the model at most; words for BM25.",
        )
        st.number_input(
            "Overlap",
            min_value=0,
            key=key("chunk_overlap"),
            persist_state="page",
            help="Tokens at the start of a passage that repeat the end of the previous one.",
        )
        st.selectbox(
            "Score of a document",
            list(SCORES),
            key=key("chunk_score"),
            format_func=SCORES.__getitem__,
            persist_state="page",
        )
        st.checkbox("Compare with whole documents", key=key("whole"), persist_state="page")
    _message(problems, "chunked")


def _reranked(problems: Problems, servers: Servers) -> None:
    _card(RERANKED_CARD)
    if ticked("reranked"):
        _names_field("cross_encoders", "By a cross-encoder", (CROSS_ENCODER,), "None; choose or type one")
        st.checkbox(
            "By vectors of the first model",
            key=key("vectors"),
            persist_state="page",
            help="Cheap: BM25 finds the candidates, vectors reorder them.",
        )
        st.checkbox(
            "For diversity (MMR)",
            key=key("mmr"),
            persist_state="page",
            help="A candidate that repeats those above it moves down.",
        )
        if ticked("mmr"):
            st.slider(
                "Relevance against novelty",
                0.0,
                1.0,
                step=0.05,
                key=key("relevance"),
                persist_state="page",
                help="1 is relevance alone.",
            )
        if servers:
            _names_field("chat_models", "By a chat model", (), "None; type the server's name")
            if st.session_state[key("chat_models")]:
                _price("chat_price", "USD per million tokens read")
                _price("chat_output_price", "USD per million tokens written")
    _message(problems, "reranked")


def _learned(card: Card, suggestion: str, problems: Problems) -> None:
    _card(card)
    if ticked(card.field):
        _names_field(f"{card.field}_models", "Models", (suggestion,), "Choose, or type a name")
    _message(problems, card.field)
