"""What the browser needs to draw ranked lists: plain texts in parts, and words for everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from evaluator.domain.dataset import Document
from evaluator.domain.measures.bounds import Bounds
from evaluator.inspection.marking import Marker
from evaluator.inspection.side_by_side import Hit, Missed, ShownList, SideBySide

EXCERPT = 260
"""Characters of a text that are shown before somebody asks for more."""
MAX_TEXT = 12_000
"""Characters of a text that are sent to the browser; the dataset's page shows the whole text."""
MAX_MISSED = 10
"""Missed documents that are listed; the others are counted."""

Parts = list[tuple[str, bool]]
"""A text in parts, and whether each is a word of the query."""


def lists_data(side: SideBySide, dataset: str, measure: str) -> dict[str, Any]:
    """Lists for the browser.

    Args:
        dataset: the name under which documents are linked to.
        measure: whose value stands above each list.
    """
    lists = [_list(side, number, measure) for number in range(len(side.lists))]
    needed = {row["doc"] for entry in lists for row in (*entry["hits"], *entry["missed"])}
    return {
        "lists": lists,
        "documents": {doc_id: _document(side, doc_id, dataset) for doc_id in sorted(needed)},
        "whole": "Full text",
    }


def ordinal(place: int) -> str:
    """Such as `1st`, `2nd`, `11th`."""
    suffix = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{suffix}"


def grade_badge(grade: int | None) -> dict[str, str]:
    """How a grade looks: a symbol and a word, so that it needs no colour."""
    if grade is None:
        return {"kind": "unjudged", "symbol": "?", "word": "unjudged"}
    if grade <= 0:
        return {"kind": "not", "symbol": "✗", "word": "not relevant"}
    if grade == 1:
        return {"kind": "relevant", "symbol": "✓", "word": "relevant"}
    return {"kind": "highly", "symbol": "✓✓", "word": f"highly relevant · {grade}"}


def parts(text: str, marker: Marker) -> Parts:
    """A text in parts, the query's words apart."""
    pieces: Parts = []
    end = 0
    for first, last in marker.spans(text):
        if first > end:
            pieces.append((text[end:first], False))
        pieces.append((text[first:last], True))
        end = last
    return [*pieces, (text[end:], False)] if end < len(text) else pieces


def bounds_in_words(bounds: Bounds, depth: int) -> str:
    """What unjudged documents could make of a score; empty if there is none."""
    if not bounds.unjudged:
        return ""
    unjudged = f"{bounds.unjudged} of {depth} unjudged"
    if bounds.high > bounds.low:
        return f"{unjudged}; score could be {bounds.low:.2f}–{bounds.high:.2f}"
    return f"{unjudged}; score stays {bounds.low:.2f}"


def _list(side: SideBySide, number: int, measure: str) -> dict[str, Any]:
    shown = side.lists[number]
    score = shown.measures.get(measure)
    judged = bool(side.query.query_id)
    neighbours = {
        other.variant: {hit.doc_id for hit in other.hits}
        for place in (number - 1, number + 1)
        if 0 <= place < len(side.lists)
        for other in [side.lists[place]]
    }
    return {
        "variant": shown.variant,
        "state": shown.state,
        "message": _message(shown, judged),
        "score": None if score is None else f"{score:.4f}",
        "measure": measure,
        "remarks": _remarks(shown, measure),
        "hits": [_hit(hit, side.marker, neighbours, judged) for hit in shown.hits],
        "missed": [_missed(missed) for missed in shown.missed[:MAX_MISSED]],
        "missed_title": f"Relevant, but not among the first {side.depth}",
        "more_missed": f"and {len(shown.missed) - MAX_MISSED:,} more"
        if len(shown.missed) > MAX_MISSED
        else "",
    }


def _remarks(shown: ShownList, measure: str) -> list[str]:
    remarks = []
    if others := [f"{name} {value:.4f}" for name, value in shown.measures.items() if name != measure]:
        remarks.append(" · ".join(others))
    if shown.bounds is not None and (words := bounds_in_words(shown.bounds, len(shown.hits))):
        remarks.append(words)
    if shown.seconds is not None:
        remarks.append(f"{shown.seconds * 1000:,.1f} ms · {shown.retrieved:,} retrieved")
    return remarks


def _message(shown: ShownList, judged: bool) -> str:
    match shown.state:
        case "failed":
            return f"This query failed: {shown.error}"
        case "broken":
            return f"This variant failed: {shown.error}"
        case "waiting":
            return "Not evaluated yet" if judged else "No answer yet"
    if not shown.hits:
        return "No document was retrieved"
    return (
        "No relevant document is known, so there is no score" if judged and shown.state == "unscored" else ""
    )


def _hit(hit: Hit, marker: Marker, neighbours: Mapping[str, set[str]], judged: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "doc": hit.doc_id,
        "place": f"{hit.place}",
        "score": f"{hit.score:.4g}",
        "grade": grade_badge(hit.grade) if judged else {"kind": "none", "symbol": "", "word": ""},
        "also": [
            {
                "text": f"{ordinal(place)} in {variant}",
                "lined": hit.doc_id in neighbours.get(variant, ()),
            }
            for variant, place in hit.elsewhere.items()
            if place
        ],
    }
    if len(hit.elsewhere) == 1 and not record["also"]:
        record["absent"] = f"not in {next(iter(hit.elsewhere))}"
    if hit.passage is not None:
        why = "best passage" if hit.passage.sure else "passage with most words of the query"
        record["passage_title"] = f"{why}, {hit.passage.number} of {hit.passage.of}"
        record["passage"] = parts(hit.passage.text[:MAX_TEXT], marker)
    return record


def _missed(missed: Missed) -> dict[str, Any]:
    return {
        "doc": missed.doc_id,
        "place": ordinal(missed.place) if missed.place else "not retrieved",
        "grade": grade_badge(missed.grade),
    }


def _document(side: SideBySide, doc_id: str, dataset: str) -> dict[str, Any]:
    address = urlencode({"dataset": dataset, "tab": "documents", "document": doc_id})
    document = side.documents.get(doc_id, Document(doc_id, "", "This document is not in the corpus."))
    text = document.text[:MAX_TEXT]
    first, last = side.marker.excerpt(text, EXCERPT)
    shown: Sequence[tuple[str, bool]] = [
        *([("… ", False)] if first else []),
        *parts(text[first:last], side.marker),
        *([(" …", False)] if last < len(document.text) else []),
    ]
    return {
        "title": parts(document.title, side.marker) if document.title else [(doc_id, False)],
        "id": doc_id if document.title not in ("", doc_id) else "",
        "href": f"datasets?{address}",
        "text": shown,
        "rest": parts(text, side.marker) if last - first < len(document.text) else None,
    }
