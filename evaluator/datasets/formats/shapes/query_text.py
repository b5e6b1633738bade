"""Finds what a person searched for in a request to a search engine; refuses what is not clear, and guesses nothing."""

from __future__ import annotations

from collections.abc import Iterator

from evaluator.datasets.formats.shapes.shape import Unclear
from evaluator.datasets.source import Fields

IN_A_FIELD = ("match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "term", "fuzzy", "neural")
"""Queries whose members are the names of fields, each with a text or with an object that holds it."""
WITH_QUERY = ("multi_match", "query_string", "simple_query_string", "combined_fields", "semantic")
"""Queries with the text as their member `query`."""
TEXTS = ("query", "value", "query_text", "model_text")

USUAL_PARAMETERS = ("query", "query_string", "query_text", "q", "text", "keywords", "search", "search_term")
USUAL_PLACEHOLDERS = ("$query", "$q", "$keywords", "$text")

MAX_DEPTH = 32
"""Maximum depth of queries inside each other."""


def request_text(rated: Fields) -> str:
    """The text of a request of `rank_eval`: of its query, or among the parameters of its template.

    Raises:
        Unclear: the request has no text, or several.
    """
    parameters = rated.get("params")
    if isinstance(parameters, dict):
        return _parameter(parameters)
    request = rated.get("request")
    texts = list(dict.fromkeys(_texts(request, 0)))
    if len(texts) == 1:
        return texts[0]
    found = f"several texts ({', '.join(map(repr, texts[:3]))})" if texts else "no text"
    raise Unclear(
        f"the request has {found} in its match, multi_match and query_string queries",
        "give the queries in a table of their own, with id and query",
    )


def _texts(request: object, depth: int) -> Iterator[str]:
    """Every text that is searched for."""
    if depth > MAX_DEPTH:
        raise Unclear(f"queries are inside each other more than {MAX_DEPTH} deep", "write a simpler request")
    if isinstance(request, list):
        for item in request:
            yield from _texts(item, depth + 1)
    if not isinstance(request, dict):
        return
    for name, value in request.items():
        if name in IN_A_FIELD and isinstance(value, dict):
            yield from (text for field in value.values() if (text := _text(field)) is not None)
        elif name in WITH_QUERY and isinstance(value, dict) and isinstance(value.get("query"), str):
            yield value["query"]
        elif name not in ("filter", "must_not"):
            yield from _texts(value, depth + 1)


def _text(field: object) -> str | None:
    if isinstance(field, dict):
        return next((field[name] for name in TEXTS if isinstance(field.get(name), str)), None)
    return field if isinstance(field, str) else None


def _parameter(parameters: Fields) -> str:
    return _only(parameters, USUAL_PARAMETERS, "params")


def placeholder_text(placeholders: object) -> str:
    """The text of a query of RRE: its only placeholder, or the one with the usual name.

    Raises:
        Unclear: there is no such placeholder.
    """
    if not isinstance(placeholders, dict):
        raise Unclear("a query has no placeholders", "give every query its text as the placeholder $query")
    return _only(placeholders, USUAL_PLACEHOLDERS, "placeholders")


def _only(values: Fields, usual: tuple[str, ...], name: str) -> str:
    for parameter in usual:
        if isinstance(text := values.get(parameter), str):
            return text
    texts = [value for value in values.values() if isinstance(value, str)]
    if len(texts) == 1:
        return texts[0]
    raise Unclear(
        f"which of {name} is the query's text is not clear ({', '.join(map(str, values))})",
        f"call it {usual[0]}",
    )
