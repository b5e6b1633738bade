"""The checks of a health report on ids, repeated texts and judgments: each check yields its findings, if any.

Only ids, keys and judgments are in memory, no texts; pyarrow and pandas compare them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.datasets.defects import LEFT_OUT, NO_QUERIES, nothing_relevant
from evaluator.datasets.findings import EXAMPLES, Finding, Severity, counted, shortened
from evaluator.datasets.judged import JUDGMENT_NOTES
from evaluator.datasets.runs import CONSEQUENCES as RUN_CONSEQUENCES
from evaluator.domain.dataset import ImportNote
from evaluator.domain.fingerprint import TEXT_KEY_BYTES, text_key
from evaluator.domain.statistics.power import ASSUMED_DEVIATION, POWER, SIGNIFICANCE, detectable_difference

FEW_QUERIES = 50
"""Fewer scored queries than the 50 topics of a TREC track, below which rankings of systems are unstable
(Buckley and Voorhees, Evaluating evaluation measure stability, SIGIR 2000)."""

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

CHECKED_HERE = frozenset({*JUDGMENT_NOTES, "empty-documents", "self-ids"})
"""Codes of import notes that a report replaces by more detailed findings of its own."""

CONSEQUENCES = {
    "encoding": "look whether their letters are right, or choose another encoding",
    "rows-above-header": "choose another row if these do not name the columns",
    "no-header": "choose the row that names the columns if there is one",
}
"""What follows from notes for which something can be done."""


class Part:
    """Ids and keys of the corpus's or the queries' rows.

    Attributes:
        ids: [n].
        keys: of the texts: [n] of 16 bytes.
    """

    def __init__(self, path: Path, id_column: str) -> None:
        table = pq.read_table(path, columns=[id_column, "key"])
        self.ids: pa.Array = table[id_column].combine_chunks()
        self.keys: pa.Array = table["key"].combine_chunks()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def empty(self) -> Mask:
        """Which rows have no text: [n]."""
        return _numpy(pc.equal(self.keys, pa.scalar(text_key(""), pa.binary(TEXT_KEY_BYTES))))

    @cached_property
    def groups(self) -> Numbers:
        """Each row's text as a number, by first occurrence: [n]. Rows with the same text share a number."""
        numbers: Numbers = _numpy(self.keys.dictionary_encode().indices).astype(np.int64)
        return numbers

    @cached_property
    def sizes(self) -> Numbers:
        """How many rows have each text: [n_groups]."""
        return np.asarray(np.bincount(self.groups), dtype=np.int64)

    def repeats(self) -> Mask:
        """Which rows repeat the text of an earlier row; empty texts do not count as repeats: [n]."""
        mask: Mask = pd.Series(self.groups).duplicated().to_numpy() & ~self.empty
        return mask

    def repeat_examples(self) -> tuple[str, ...]:
        """Examples: the id of a row that repeats a text, and the id of the row whose text it repeats."""
        rows = np.flatnonzero(self.repeats())[:EXAMPLES]
        return tuple(
            f"{self.ids[int(row)]} repeats {self.ids[int(np.argmax(self.groups == self.groups[row]))]}"
            for row in rows
        )

    def examples(self, rows: Mask) -> tuple[str, ...]:
        """Ids of the first few of these rows."""
        return tuple(shortened(str(self.ids[int(row)])) for row in np.flatnonzero(rows)[:EXAMPLES])


class Judgments:
    """The judgments as a table.

    Attributes:
        table: one row per judgment: `query_id`, `doc_id`, `grade`, and whether the document is `known`.
    """

    def __init__(self, path: Path, corpus: Part) -> None:
        table = pq.read_table(path, columns=["query_id", "doc_id", "grade"])
        known = pc.is_in(table["doc_id"], value_set=corpus.ids)
        self.table: pd.DataFrame = table.append_column("known", known).to_pandas()

    @cached_property
    def relevant(self) -> pd.DataFrame:
        """The judgments with grade 1 or more."""
        return self.table[self.table["grade"] >= 1]

    @cached_property
    def recall(self) -> pd.Series[float]:
        """The highest recall that a query can reach, by the id of each scored query: [n_scored]."""
        return self.relevant.groupby("query_id")["known"].mean()

    @property
    def n_scored(self) -> int:
        """Number of queries with a relevant document: only these are scored."""
        return len(self.recall)

    def grades(self) -> dict[int, int]:
        """How many judgments have each grade."""
        counts = self.table["grade"].value_counts().sort_index()
        return {int(grade): int(count) for grade, count in counts.items()}  # type: ignore[call-overload]

    def per_query(self, queries: Part) -> Numbers:
        """Judged documents of each query: [n_queries]."""
        counts = self.table["query_id"].value_counts().reindex(queries.ids.to_pylist(), fill_value=0)
        return np.asarray(counts, dtype=np.int64)


def document_findings(corpus: Part, judgments: Judgments) -> Iterator[Finding]:
    """Findings on documents that are empty, repeated, or unjudged copies of a relevant document."""
    n_empty, n_repeats = int(corpus.empty.sum()), int(corpus.repeats().sum())
    if n_empty:
        yield _warning(
            "empty-documents",
            n_empty,
            f"{counted(n_empty, 'document')} without any text",
            "they cannot be retrieved reliably; add their text, or remove them",
            corpus.examples(corpus.empty),
        )
    if n_repeats:
        yield _warning(
            "duplicate-documents",
            n_repeats,
            f"{counted(n_repeats, 'document')} with the same text as an earlier one",
            "copies take places in the ranked lists from other documents; keep one of each",
            corpus.repeat_examples(),
        )
        yield from _missed_duplicates(corpus, judgments)


def _missed_duplicates(corpus: Part, judgments: Judgments) -> Iterator[Finding]:
    """The finding on pairs of a query and an unjudged copy of a document that is relevant to the query.

    The pairs are counted but not listed: for each query and relevant text, the copies less the judged copies.
    """
    rows = np.flatnonzero((corpus.sizes[corpus.groups] > 1) & ~corpus.empty)
    copies = pd.DataFrame(
        {"doc_id": corpus.ids.take(pa.array(rows)).to_pylist(), "text": corpus.groups[rows]}
    )
    judged = judgments.table.merge(copies, on="doc_id")
    texts = judged.groupby(["query_id", "text"], sort=False).agg(
        best=("grade", "max"), judged=("doc_id", "size")
    )
    texts = texts[texts["best"] >= 1].reset_index()
    texts["missed"] = corpus.sizes[texts["text"].to_numpy(dtype=np.int64)] - texts["judged"]
    texts = texts[texts["missed"] > 0]
    n_missed = int(texts["missed"].sum())
    if not n_missed:
        return
    examples = []
    for query_id, text in texts[["query_id", "text"]].head(EXAMPLES).itertuples(index=False):
        same = judged[(judged["query_id"] == query_id) & (judged["text"] == text)]
        relevant = same[same["grade"] >= 1]["doc_id"].iloc[0]
        missed = copies[(copies["text"] == text) & ~copies["doc_id"].isin(same["doc_id"])]["doc_id"].iloc[0]
        examples.append(f"{missed} repeats {relevant}, which is relevant to {query_id}")
    yield _warning(
        "missed-duplicates",
        n_missed,
        f"{counted(n_missed, 'copy', 'copies')} of relevant documents that nobody judged",
        "finding such a copy counts as a miss, so scores are too low; judge copies like their originals, or keep "
        "one of each",
        examples,
    )


def query_findings(queries: Part, corpus: Part, *, exclude_self: bool) -> Iterator[Finding]:
    """Findings on queries that repeat a text, and on ids that both a query and a document have."""
    n_repeats = int(queries.repeats().sum())
    if n_repeats:
        yield _warning(
            "repeated-queries",
            n_repeats,
            f"{counted(n_repeats, 'query', 'queries')} with the same text as an earlier one",
            "such a question counts several times in every mean; keep one, with the judgments of all",
            queries.repeat_examples(),
        )
    shared = _numpy(pc.is_in(queries.ids, value_set=corpus.ids))
    if shared.any():
        severity: Severity = "note" if exclude_self else "warning"
        consequence = (
            "as chosen, such a document is left out of that query's list"
            if exclude_self
            else "choose: if the document is the query itself it takes the first place of its own list, so exclude "
            "it; if only the numbering is the same, keep it, as is done now"
        )
        n_shared = int(shared.sum())
        message = f"{counted(n_shared, 'id')} of both a query and a document"
        yield Finding("self-ids", severity, n_shared, message, consequence, queries.examples(shared))


def judgment_findings(judgments: Judgments, queries: Part, notes: Sequence[ImportNote]) -> Iterator[Finding]:
    """Findings on queries and judgments that are missing, and on judgments of unknown ids or of nothing relevant.

    Args:
        judgments: the stored judgments.
        queries: the queries.
        notes: the notes of the import.
    """
    n_given = len(judgments.table) + sum(note.count for note in notes if note.code == "unknown-queries")
    n_found = int(judgments.relevant["known"].sum())
    finding = nothing_relevant(n_given, len(judgments.table), len(judgments.relevant), n_found)
    if finding:
        yield finding
    if n_given:
        yield from _unknown_documents(judgments)
        yield from _unscored_queries(judgments, queries)
    elif not len(queries):
        yield _warning(
            NO_QUERIES,
            0,
            "there are no queries yet",
            "experiments need queries; add some on the dataset's page, or with `evaluator dataset add`",
        )
    else:
        yield _warning(
            "no-judgments",
            len(queries),
            "no query has a judgment",
            "retrieval and side-by-side comparison work; scores wait for judgments",
        )
    yield from _few_queries(judgments.n_scored)


def import_findings(notes: Sequence[ImportNote]) -> Iterator[Finding]:
    """Findings from the import's notes, on content that was not stored."""
    for note in notes:
        if note.code == "unknown-queries":
            yield _warning(
                note.code,
                note.count,
                f"{counted(note.count, 'judgment')} {'refers' if note.count == 1 else 'refer'} to an unknown query",
                "they are left out; use the ids of the queries in the judgments, or add the queries",
                note.examples,
            )
        elif note.code in RUN_CONSEQUENCES:
            yield _warning(note.code, note.count, note.message, RUN_CONSEQUENCES[note.code], note.examples)
        elif note.code == "unmatched-ids":
            yield Finding(
                note.code,
                "warning",
                note.count,
                f"{note.count:,} {note.message}",
                "they do not count as these; import with the repair match-padded-ids if they are the same",
                note.examples,
                "match-padded-ids",
            )
        elif note.code in LEFT_OUT.values():
            consequence = "the scores do not tell what these rows would have changed"
            yield _warning(note.code, note.count, note.message, consequence, note.examples)
        elif note.code not in CHECKED_HERE:
            consequence = CONSEQUENCES.get(note.code, "nothing to do if that is meant")
            yield Finding(note.code, "note", note.count, note.message, consequence, note.examples)


def _unknown_documents(judgments: Judgments) -> Iterator[Finding]:
    unknown = judgments.table[~judgments.table["known"]]
    if unknown.empty:
        return
    n_relevant = int((unknown["grade"] >= 1).sum())
    consequence = (
        f"recall can reach {judgments.recall.mean():.3f} at most, as a mean over "
        f"{counted(judgments.n_scored, 'scored query', 'scored queries')}; add the documents, or remove the judgments"
        if n_relevant
        else "none of them is relevant, so no score changes"
    )
    yield _warning(
        "unknown-documents",
        len(unknown),
        f"{counted(len(unknown), 'judgment')} of documents that the corpus lacks, {n_relevant:,} of them relevant",
        consequence,
        [
            f"{doc_id} (for {query_id})"
            for query_id, doc_id in unknown[["query_id", "doc_id"]].head(EXAMPLES).itertuples(index=False)
        ],
    )


def _unscored_queries(judgments: Judgments, queries: Part) -> Iterator[Finding]:
    judged = _numpy(pc.is_in(queries.ids, value_set=_ids(judgments.table["query_id"])))
    scored = _numpy(pc.is_in(queries.ids, value_set=_ids(judgments.recall.index)))
    for code, rows, missing, remedy in (
        ("unjudged-queries", ~judged, "a judgment", "judge some documents for them"),
        ("no-relevant-document", judged & ~scored, "a relevant document", "judge more documents for them"),
    ):
        count = int(rows.sum())
        if count:
            yield _warning(
                code,
                count,
                f"{counted(count, 'query', 'queries')} without {missing}",
                f"their lists are made but not scored; {remedy}, or leave them out",
                queries.examples(rows),
            )


def _few_queries(n_scored: int) -> Iterator[Finding]:
    detectable = detectable_difference(n_scored)
    if n_scored >= FEW_QUERIES or not n_scored:
        return
    consequence = (
        "one query shows no difference between variants"
        if detectable is None
        else f"only differences of {detectable:.2f} and more would be found (paired test, {SIGNIFICANCE:.0%} level, "
        f"{POWER:.0%} power, standard deviation of differences assumed {ASSUMED_DEVIATION})"
    )
    yield _warning(
        "few-queries",
        n_scored,
        f"only {counted(n_scored, 'query', 'queries')} to score",
        f"{consequence}; aim for {FEW_QUERIES} or more",
    )


def _warning(code: str, count: int, message: str, consequence: str, examples: Iterable[str] = ()) -> Finding:
    return Finding(
        code, "warning", count, message, consequence, tuple(map(shortened, islice(examples, EXAMPLES)))
    )


def _ids(values: Any) -> pa.Array:
    return pa.array(list(values), pa.string())


def _numpy(values: Any) -> npt.NDArray[Any]:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    array: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array
