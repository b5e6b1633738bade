"""The address of the open view: its query parameters, and what they become when the reader chooses something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st


def go(address: Mapping[str, str]) -> None:
    """Make these the query parameters of the page."""
    st.query_params.from_dict(dict(address))


def changed(**changes: str | None) -> dict[str, str]:
    """The query parameters with some changed; None or nothing removes one, the others stay."""
    address = {**st.query_params.to_dict(), **changes}
    return {name: value for name, value in address.items() if value}


def joined(names: Iterable[str]) -> str:
    """Names as one query parameter, whatever they hold."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def parted(parameter: str) -> list[str]:
    """The names in a query parameter of the address, as `joined` put them there."""
    parts = st.query_params.get(parameter, "").split(",")
    return [part.replace("%2C", ",").replace("%25", "%") for part in parts if part]


def number(parameter: str) -> float | None:
    """A query parameter that is a number of at least 0; None if it is missing or anything else."""
    try:
        value = float(st.query_params.get(parameter, ""))
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
