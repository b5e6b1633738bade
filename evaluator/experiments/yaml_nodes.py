"""Safe parsing of untrusted YAML into a tree of nodes of bounded depth and size."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from yaml.nodes import Node
from yaml.reader import Reader, ReaderError

from evaluator.errors import ExperimentFileError

MAX_BYTES = 256 * 1024
"""Bytes of an experiment file: thousands of variants, and about a second of parsing."""
MAX_NODES = 100_000
"""The most keys and values in a file, before aliases are expanded."""
MAX_DEPTH = 50
"""Levels of nesting."""
MAX_EXPLAINED = 64 * 1024
"""The most characters given to PyYAML's slow parser, which takes about a second for them."""
NULL = "tag:yaml.org,2002:null"

FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's loader, ten times as fast, if PyYAML was built with it."""


def refuse_large(size: int, source: str) -> None:
    """Refuse a file by its size.

    Raises:
        ExperimentFileError: it is larger than `MAX_BYTES`.
    """
    if size > MAX_BYTES:
        raise ExperimentFileError(
            f"{source}: larger than the {MAX_BYTES:,} bytes an experiment file may have"
        )


def compose(text: str, source: str) -> Node:
    """The root node of a YAML document; nodes know their lines.

    Args:
        source: the text's name in messages.

    Raises:
        ExperimentFileError: it is too large, too deep, empty, or not YAML; names the line.
    """
    refuse_large(len(text), source)
    try:
        Reader(text)  # raises for characters that YAML does not allow
        root = _root(text, source)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"{source}:{line}: not YAML: the character U+{error.character:04X} is not allowed"
        raise ExperimentFileError(message) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{source}:{mark.line + 1}: column {mark.column + 1}" if mark else source
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise ExperimentFileError(f"{where}: not YAML: {problem}") from error
    if root is None or root.tag == NULL:
        raise ExperimentFileError(
            f"{source}:1: the file is empty; an experiment needs name, dataset, variants"
        )
    return root


def _root(text: str, source: str) -> Node | None:
    """The document's root. For small files errors come from PyYAML's own parser: slow, but clearer."""
    try:
        return _bounded_root(text, source, FAST_LOADER)
    except yaml.MarkedYAMLError:
        if len(text) > MAX_EXPLAINED:
            raise
    return _bounded_root(text, source, yaml.SafeLoader)


def _bounded_root(text: str, source: str, loader: Any) -> Node | None:
    """The document's root, after checking depth and size on its events, before any node is built."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        nodes += isinstance(event, NodeEvent)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            deep = f"nested deeper than {MAX_DEPTH} levels"
            large = f"more than {MAX_NODES:,} keys and values"
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ExperimentFileError(f"{source}:{line}: {deep if depth > MAX_DEPTH else large}")
    return yaml.compose(text, Loader=loader)
