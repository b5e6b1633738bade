"""What every shape holds: six notes, four questions, six judgments."""

from __future__ import annotations

DOCUMENTS = {
    "d1": "A slipping chain usually means that the chain or the cassette is worn.",
    "d2": "Squealing disc brakes are often contaminated with oil; clean the rotor.",
    "d3": "To true a wheel, tighten or loosen spokes in small steps.",
    "d4": "Tubeless tyres lose air when the sealant has dried out.",
    "d5": "Lithium batteries last longer when they are stored half charged.",
    "d6": "Bleed hydraulic brakes once a year with fresh fluid.",
}
QUERIES = {
    "q1": "why does my chain slip",
    "q2": "disc brakes squeal",
    "q3": "how to straighten a wheel",
    "q4": "storing a battery over the winter",
}
GRADES = {
    ("q1", "d1"): 2,
    ("q1", "d5"): 0,
    ("q2", "d2"): 2,
    ("q2", "d6"): 1,
    ("q3", "d3"): 2,
    ("q4", "d5"): 1,
}
RELEVANT = {pair: grade for pair, grade in GRADES.items() if grade}

Judged = dict[tuple[str, str], int]
"""Grades by the text of the query and the text of the document: ids differ between shapes."""


def by_text(grades: dict[tuple[str, str], int]) -> Judged:
    """Grades by texts instead of ids."""
    return {(QUERIES[query], DOCUMENTS[doc]): grade for (query, doc), grade in grades.items()}


GRADED = by_text(GRADES)
BINARY = by_text({pair: int(grade > 0) for pair, grade in GRADES.items()})
ONES = by_text(dict.fromkeys(RELEVANT, 1))
"""What is read where the files say no grades, only which documents are relevant."""


def relevant_to(query: str) -> list[str]:
    """Ids of the documents that are relevant to a query."""
    return [doc for (asked, doc) in RELEVANT if asked == query]
