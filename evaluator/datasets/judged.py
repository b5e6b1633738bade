"""What is worth knowing about judgments, by the rules of docs/datasets.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from evaluator.datasets.findings import Tally
from evaluator.domain.dataset import ImportNote, Qrels

JUDGMENT_NOTES = (
    "no-queries",
    "no-judgments",
    "unjudged-queries",
    "no-relevant-document",
    "unknown-documents",
)
"""Codes of the notes that follow from queries and judgments alone."""


def judgment_notes(query_ids: Iterable[str], qrels: Qrels, doc_ids: Collection[str]) -> Iterator[ImportNote]:
    """The notes on a dataset's judgments, or on queries that are still to be added.

    Args:
        query_ids: ids of all queries.
        qrels: judgments of existing queries.
        doc_ids: ids of the documents in the corpus; it is enough to give the judged ones among them.
    """
    if not qrels:
        n_queries = len(list(query_ids))
        if n_queries:
            yield ImportNote("no-judgments", n_queries, "no query has a judgment: nothing can be scored")
        else:
            yield ImportNote("no-queries", 0, "there are no queries yet: experiments need some")
        return
    unjudged, irrelevant, unknown = Tally(), Tally(), Tally()
    for query_id in query_ids:
        if query_id not in qrels:
            unjudged.add(query_id)
        elif max(qrels[query_id].values()) < 1:
            irrelevant.add(query_id)
    for grades in qrels.values():
        for doc_id in grades:
            if doc_id not in doc_ids:
                unknown.add(doc_id)
    tallies = {
        "unjudged-queries": (unjudged, "queries without a judgment are kept but not scored"),
        "no-relevant-document": (
            irrelevant,
            "queries whose judgments name no relevant document (grade 1 or more) are kept but not scored",
        ),
        "unknown-documents": (
            unknown,
            "judgments of documents that the corpus lacks are kept: they cap the recall, as in trec_eval",
        ),
    }
    for code, (tally, message) in tallies.items():
        if tally.count:
            yield ImportNote(code, tally.count, message, tuple(tally.examples))
