"""The open view of the queries page: query, variants, depth, order; all of it is in the address."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from evaluator.domain.records import ExperimentRow
from evaluator.inspection.query_list import Order
from evaluator.inspection.side_by_side import MAX_LISTS
from evaluator.ui.glossary import meaning
from evaluator.ui.shell.address import go, joined, parted
from evaluator.ui.shell.choosers import choose, choose_variants, search_field
from evaluator.ui.shell.words import count, plain

DEPTHS = (5, 10, 20, 50, 100)
"""Documents of each list that can be shown."""
DEPTH = 10
ANY = ""
"""Stands for no tag in the chooser."""


@dataclass(frozen=True)
class View:
    """The address in parts.

    Attributes:
        query: id of the query; None for the first of the list.
        order, tag, search: which queries, and in which order.
    """

    experiment: ExperimentRow
    measure: str
    variants: tuple[str, ...]
    depth: int = DEPTH
    query: str | None = None
    order: Order = "first"
    tag: str = ""
    search: str = ""

    def address(self) -> dict[str, str]:
        """The query parameters; those with usual values are left out."""
        chosen = {
            "experiment": self.experiment.id,
            "measure": self.measure,
            "variants": joined(self.variants),
            "depth": str(self.depth) if self.depth != DEPTH else "",
            "order": self.order if self.order != "first" else "",
            "tag": self.tag,
            "search": self.search,
            "query": self.query or "",
        }
        return {name: value for name, value in chosen.items() if value}

    def go(self) -> None:
        """Make it the page's address."""
        go(self.address())


def addressed_view(experiment: ExperimentRow, measure: str, names: Sequence[str], most: int) -> View:
    """The view that the address names; its variants if they are among some, else the first of these.

    Args:
        names: variants that can be shown.
        most: the largest number of variants.
    """
    parameters = st.query_params
    named = parted("variants")
    known = [name for name in dict.fromkeys(named) if name in names]
    if unknown := [name for name in named if name not in names]:
        st.warning(
            f"The experiment {plain(experiment.name)} has no {plain(', '.join(unknown))} to show.",
            icon=":material/link_off:",
        )
    usual = tuple(names[: 2 if most == MAX_LISTS else most])
    order = parameters.get("order", "first")
    depth = parameters.get("depth", "")
    return View(
        experiment,
        measure,
        tuple(known[:most]) or usual,
        int(depth) if depth in map(str, DEPTHS) else DEPTH,
        parameters.get("query") or None,
        order if order in get_args(Order) else "first",  # type: ignore[arg-type]
        parameters.get("tag", ""),
        parameters.get("search", ""),
    )


def choose_lists(view: View, names: Sequence[str], most: int, keep: Mapping[str, str] = {}) -> None:
    """Draw the choosers of variants and of how many documents are shown.

    Args:
        keep: query parameters besides the view's.
    """
    left, right = st.columns([3, 1])

    def of_variants(chosen: Sequence[str]) -> dict[str, str]:
        return {**dataclasses.replace(view, variants=tuple(chosen) or view.variants).address(), **keep}

    with left:
        choose_variants(names, view.variants, "choose-variants", of_variants, most)
    with right:
        choose(
            "Documents",
            [str(depth) for depth in DEPTHS],
            str(view.depth),
            lambda depth: {**dataclasses.replace(view, depth=int(depth)).address(), **keep},
            help_=meaning("depth"),
        )


def choose_queries(view: View, tags: Sequence[str]) -> None:
    """Draw the choosers of order and tag, and the search."""
    first_of = dataclasses.replace(view, query=None)
    choose(
        "Order",
        list(get_args(Order)),
        view.order,
        lambda order: dataclasses.replace(first_of, order=order).address(),  # type: ignore[arg-type]
        lambda order: order_in_words(order, view.variants),
    )
    if tags:
        choose(
            "Tag",
            [ANY, *tags],
            view.tag if view.tag in tags else ANY,
            lambda tag: dataclasses.replace(first_of, tag=tag).address(),
            lambda tag: tag or "any",
        )
    search_field(
        "Search queries",
        view.search,
        "query-search",
        lambda text: dataclasses.replace(first_of, search=text).address(),
        "Part of an id or a text",
    )


def order_in_words(order: str, variants: Sequence[str]) -> str:
    """What an order puts first; failed queries come before, unless it is the dataset's."""
    if order == "given":
        return "As in the dataset"
    if len(variants) < 2:
        return "Worst first" if order == "first" else "Best first"
    return f"{variants[0 if order == 'first' else 1]} ahead"


def position_in_words(place: int | None, total: int) -> str:
    """Such as `Query 3 of 469`."""
    queries = count(total, "query", "queries")
    return f"Query {place:,} of {total:,}" if place else f"Not among the {queries} chosen"
