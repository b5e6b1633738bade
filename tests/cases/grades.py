"""Cases about what says how relevant a document is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.cases.case import Case, Example, Scored, beside, three
from tests.cases.notes import DOCUMENTS, GRADES, ONES, QUERIES, judged, judgments, number, relevant
from tests.cases.runs import trec_run
from tests.shapes.writing import Rows, delimited

ZEROS = dict.fromkeys(
    (("q1", "d11"), ("q1", "d12"), ("q2", "d5"), ("q3", "d7"), ("q4", "d11"), ("q5", "d8"), ("q6", "d12")), 0
)
BINARY = {**dict.fromkeys(GRADES, 1), **ZEROS}


def grades() -> Iterator[Case]:
    """Cases about grades."""
    ratings = [{"query": QUERIES[q], "docid": d, "rating": float(g)} for (q, d), g in GRADES.items()]
    unrated = [
        {"query": text, "docid": "", "rating": ""} for text in ("gravel bike tyre width", "clip pedals")
    ]
    yield Case(
        "12",
        "Quepid's CSV with ratings such as 2.0, and queries without a rating",
        "https://github.com/o19s/quepid/pull/192",
        now="12 documents, 8 queries, 8 judgments; 2 queries without a judgment",
        examples=(
            Example(
                beside(delimited([*ratings, *unrated]), "case_ratings.csv"),
                reads=(12, 8, 8),
                findings=("unjudged-queries",),
            ),
        ),
    )
    yield Case(
        "17a",
        "semicolons between the cells and a decimal comma in the grades: `2,0`",
        "https://github.com/SheetJS/sheetjs/issues/2239",
        examples=(
            Example(
                three(
                    delimited(
                        [{**row, "grade": f"{row['grade']},0"} for row in judgments()],
                        ";",
                    )
                )
            ),
        ),
    )
    yield _words()
    yield _zeros()
    decimals = {2: 0.95, 1: 0.4}
    rows = [{"query_id": q, "doc_id": d, "score": decimals[g]} for (q, d), g in GRADES.items()]
    rows.append({"query_id": "q1", "doc_id": "d11", "score": 0.0})
    with_zero = {**GRADES, ("q1", "d11"): 0}
    yield Case(
        "44",
        "grades 0.95, 0.4 and 0.0",
        "https://github.com/cvangysel/pytrec_eval/issues/16",
        now="asked: a threshold (`qrels.cut`) or a scale (`qrels.scale`)",
        examples=tuple(
            Example(
                three(delimited(rows)),
                name,
                (12, 6, 9),
                judged({pair: value(grade) for pair, grade in with_zero.items()}),
                "score holds decimals from 0 to 0.95",
                {f"qrels.{name}": given},
            )
            for name, given, value in (("cut", 0.5, lambda g: int(g == 2)), ("scale", 2, lambda g: g))
        ),
    )
    yield _raters()


def _words() -> Case:
    words = {2: "Exact", 1: "Partial", 0: "Irrelevant"}
    graded = {**GRADES, ("q1", "d11"): 0}
    labels = [
        {"id": n, "query_id": number(q), "product_id": number(d), "label": words[g]}
        for n, ((q, d), g) in enumerate(graded.items())
    ]
    products = [
        {"product_id": number(d), "product_class": "Bikes", "product_description": text}
        for d, text in DOCUMENTS.items()
    ]
    asked = [{"query_id": number(q), "query": text} for q, text in QUERIES.items()]
    return Case(
        "21",
        "WANDS: labels as words, Exact, Partial and Irrelevant, in a .csv with tabs",
        "https://github.com/amazon-science/esci-data/issues/9",
        now="asked: which grades the words stand for; Exact 2, Partial 1, Irrelevant 0 is proposed",
        examples=(
            Example(
                {
                    "label.csv": delimited(labels, "\t"),
                    "product.csv": delimited(products, "\t"),
                    "query.csv": delimited(asked, "\t"),
                },
                reads=(12, 6, 9),
                judged=judged(graded),
                says="""--set qrels.grades='{"Exact": 2, "Partial": 1, "Irrelevant": 0}'""",
                answer={"qrels.grades": {"Exact": 2, "Partial": 1, "Irrelevant": 0}},
                findings=("self-ids",),
                unused=("label.csv: id", "product.csv: product_class"),
            ),
        ),
    )


def _zeros() -> Case:
    """The scores are those of ir_measures."""

    def rows(name: str, value: Callable[[int], Any]) -> Rows:
        return [{"query_id": q, "doc_id": d, name: value(g)} for (q, d), g in BINARY.items()]

    def flag(grade: int) -> str:
        return "TRUE" if grade else "FALSE"

    examples = (
        Example(three(delimited(rows(name, value))), named, (12, 6, 15), judged(BINARY))
        for named, name, value in (
            ("0 and 1", "relevant", int),
            ("TRUE and FALSE", "relevant", flag),
            ("is_relevant", "is_relevant", int),
        )
    )
    first = ("d11", "d12", "d5", "d7", "d8")
    lists = {query: [*first, *relevant(query)] for query in QUERIES}  # d7 twice for q4: its last place counts
    return Case(
        "43",
        "judgments with a column `relevant` or `is_relevant` of 1 and 0, or TRUE and FALSE",
        "https://github.com/AmenRa/ranx/issues/5",
        now="zeros are not relevant: nDCG@10 0.3839, RR@10 0.1722, P@5 0.0333",
        examples=tuple(examples),
        scored=(
            Scored(
                {**three(delimited(rows("relevant", int))), "mine.run": trec_run(lists)},
                {"mine": "{run: {name: mine}}"},
                {"mine": {"nDCG@10": 0.3839, "RR@10": 0.1722, "P@5": 0.0333}},
                remarks=("1 line with a document that was listed before for the query",),
            ),
        ),
    )


def _raters() -> Case:
    """Ann gives the grades, Bob always 1: of 2 and 1 the majority is the lower one, mean and median are 1.5, so 2."""
    rows = [
        {"query": QUERIES[q], "docid": d, "rating": rating, "rater": rater}
        for rater in ("ann", "bob")
        for (q, d), g in GRADES.items()
        for rating in (g if rater == "ann" else 1,)
    ]
    return Case(
        "103",
        "several raters, with a row for each",
        "https://github.com/o19s/quepid/issues/758",
        now="asked: the majority, the mean or the median of their grades (`qrels.combine`)",
        examples=tuple(
            Example(
                beside(delimited(rows), "judgements.csv"),
                how,
                judged=right,
                says="the same document has several grades for the same query",
                answer={"qrels.combine": how},
                unused=("judgements.csv: rater",),
            )
            for how, right in (("majority", ONES), ("mean", judged()), ("median", judged()))
        ),
    )
