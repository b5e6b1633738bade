"""Cases about ranked lists that come with a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.cases.case import Case, Example, Scored, beir, three
from tests.cases.notes import GRADES, QUERIES, judgments
from tests.shapes.writing import delimited

MINE = {"mine": "{run: {name: mine}}"}
FOUND = ("d11", "d1", "d2", "d3", "d4", "d6", "d9")
"""The list that every query has."""


def trec_run(lists: Mapping[str, Sequence[str]], scores: Sequence[float] = ()) -> bytes:
    """A run in TREC's format: scores fall by 1, or are those that are given."""
    return "".join(
        f"{query} Q0 {doc} {place} {scores[place - 1] if scores else 20 - place} mine\n"
        for query, documents in lists.items()
        for place, doc in enumerate(documents, start=1)
    ).encode()


def _beside(run: bytes, name: str = "mine.run") -> dict[str, bytes]:
    return {**three(delimited(judgments())), name: run}


ALL = dict.fromkeys(QUERIES, FOUND)
BEST = dict(reversed(GRADES))
"""The document that is most relevant to each query."""
TWICE = dict.fromkeys(QUERIES, (*FOUND, "d1"))


def runs() -> Iterator[Case]:
    """Cases about runs. All scores are those of ir_measures."""
    repeated = Scored(
        _beside(trec_run(TWICE)),
        MINE,
        {"mine": {"nDCG@10": 0.3972, "RR@10": 0.2655, "AP@10": 0.2030}},
        remarks=("6 lines with a document that was listed before for the query",),
    )
    yield Case(
        "60",
        "a run that lists a document twice",
        "https://github.com/castorini/anserini/issues/720",
        now="counted, and said beside the scores; the last line counts, as in ir_measures",
        scored=(repeated,),
    )
    tied = {"mine": {"RR@10": 0.4044, "nDCG@10": 0.5115}}  # RR: (1/7 + 1/5 + 1/4 + 1/3 + 1/2 + 1) / 6
    yield Case(
        "61",
        "a run whose scores are all the same",
        "https://github.com/cvangysel/pytrec_eval/issues/56",
        now="the order is trec_eval's: nDCG@10 0.5115, RR@10 0.4044",
        scored=(
            Scored(
                _beside(trec_run(ALL, [1.0] * 7)),
                MINE,
                tied,
                remarks=("6 lists with the same score for every document",),
            ),
        ),
    )
    close = [round(20.0000001 - place / 1e7, 7) for place in range(7)]
    yield Case(
        "63",
        "scores that differ less than 32-bit floats can",
        "https://github.com/zilliztech/VectorDBBench/issues/292",
        now="ties, as in trec_eval: nDCG@10 0.5115, RR@10 0.4044",
        scored=(Scored(_beside(trec_run(ALL, close)), MINE, tied),),
    )
    some = {**dict.fromkeys(("q1", "q2", "q3"), (*FOUND, "zzz")), "q99": (*FOUND, "zzz")}
    yield Case(
        "65",
        "a run that covers 3 of 6 queries",
        "https://github.com/AmenRa/ranx/issues/27",
        now="missing lists score 0, and are counted beside the scores: nDCG@10 0.2403",
        scored=(
            Scored(
                _beside(trec_run(some)),
                MINE,
                {"mine": {"nDCG@10": 0.2403, "RR@10": 0.1806}},
                remarks=("8 lines of unknown queries left out", "3 queries without a list"),
            ),
        ),
    )
    marco = "".join(
        f"{q}\t{d}\t{place}\n" for q in QUERIES for place, d in enumerate(FOUND, start=1)
    ).encode()
    yield Case(
        "66",
        "a run of MS MARCO: query, document, rank",
        "https://github.com/microsoft/MSMARCO-Document-Ranking-Submissions/pull/17",
        now="the run is kept",
        examples=(
            Example(_beside(marco, "run.dev.tsv"), runs=("run.dev",)),
            Example({**beir(), "run.dev.tsv": marco}, "BEIR", runs=("run.dev",)),
        ),
    )
    hits = {query: [doc] for query, doc in BEST.items()}
    misses = dict.fromkeys(QUERIES, ("d11", "d12", "d5", "d8"))
    yield Case(
        "67",
        "a run file that was replaced by a better one, and run again",
        "https://github.com/embeddings-benchmark/mteb/issues/1122",
        now="the folder is read again: RR@10 0.0000, then 1.0000",
        scored=(
            Scored(_beside(trec_run(misses)), MINE, {"mine": {"RR@10": 0.0}}, "before"),
            Scored(_beside(trec_run(hits)), MINE, {"mine": {"RR@10": 1.0}}, "after"),
        ),
        tested_by=(
            "tests/unit/library/test_library.py::test_a_folder_is_read_again_whenever_an_experiment_names_it",
        ),
    )
    yield Case(
        "69",
        "a run beside BEIR's folder",
        "https://github.com/castorini/pyserini/pull/1882",
        now="the run is kept",
        examples=(
            Example(
                {**beir(), "mine.run": trec_run(TWICE)}, findings=("repeated-run-documents",), runs=("mine",)
            ),
        ),
    )
    wrong = ("d11", "d12")
    first = {q: (doc, *wrong) if q in ("q1", "q2", "q3") else (*wrong, doc) for q, doc in BEST.items()}
    ones = delimited([{"query_id": q, "doc_id": d, "grade": 1} for q, d in BEST.items()])
    yield Case(
        "76",
        "Accuracy@1, as sentence-transformers calls a hit at the first place",
        "https://github.com/terrierteam/ir_measures/pull/33",
        now="refused: did you mean Success@1? A measure without a value takes no other down",
        scored=(
            Scored(
                {**three(ones), "mine.run": trec_run(first)},
                MINE,
                {"mine": {"Success@1": 0.5, "Success@3": 1.0}},
            ),
        ),
        tested_by=(
            "tests/unit/domain/test_measures.py::test_a_measure_that_fails_takes_no_other_down",
            "tests/unit/domain/test_measures.py::test_a_measure_that_no_list_has_a_value_of_is_refused",
        ),
    )
