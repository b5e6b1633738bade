"""Unique keys of widgets and unique labels of options.

Streamlit keeps the state of a widget by its key, and knows an option by its label. With a shared key or label, a choice
made for one experiment would also count for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.names import numbered

T = TypeVar("T", bound=Hashable)

SHORTEST = 4
"""Characters of an id that are shown at least."""


def keyed(name: str, *identity: object) -> str:
    """The key of a widget that shows something: its state is kept as long as that thing is shown.

    Args:
        name: what the widget is; styles find it by this beginning.
        identity: what it shows, of JSON's types: ids, a measure, the rows in their order if rows can be chosen.
    """
    return f"{name}-{fingerprint(list(identity))}"


def told_apart(
    options: Sequence[T], label: Callable[[T], str], mark: Callable[[T], str] = str
) -> Callable[[T], str]:
    """The labels of a chooser's options, no two alike.

    Args:
        label: of an option; several may share one.
        mark: tells options with the same label apart, such as an id; enough of its characters are added.
    """
    labels = [label(option) for option in options]
    alike: dict[str, list[str]] = {}
    for option, shown in zip(options, labels, strict=True):
        alike.setdefault(shown, []).append(mark(option))
    added = [mark(option)[: _enough(alike[shown])] for option, shown in zip(options, labels, strict=True)]
    apart = [
        f"{shown} · {part}" if part and len(alike[shown]) > 1 else shown
        for shown, part in zip(labels, added, strict=True)
    ]
    distinct = dict(zip(options, numbered(apart), strict=True))
    return lambda option: distinct[option] if option in distinct else label(option)


def _enough(marks: Sequence[str]) -> int:
    """How many characters tell marks apart; all of them if none do."""
    longest = max(map(len, marks))
    lengths = range(min(SHORTEST, longest), longest + 1)
    return next((n for n in lengths if len({mark[:n] for mark in marks}) == len(marks)), longest)
