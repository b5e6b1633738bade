"""Ranked lists that came with a dataset, to compare with: ordered by the ranking policy, stored as Parquet.

runs/<id>.parquet    query_id, doc_id, score; query after query, each list in order
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.datasets.defects import Defects
from evaluator.datasets.findings import Tally, counted
from evaluator.datasets.source import Row
from evaluator.domain.dataset import ImportNote, RunLine
from evaluator.domain.fingerprint import fingerprint_set, row_digest
from evaluator.domain.ranking import Ranking, rank
from evaluator.errors import DatasetError

SCHEMA = pa.schema(
    [
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
MAX_DEPTH = 1000
"""Maximum documents kept of one list, as in TREC."""


UNKNOWN, REPEATED, MISSING = "unknown-run-queries", "repeated-run-documents", "queries-without-list"
TIED, CUT = "tied-lists", "cut-lists"
"""Codes of remarks on runs."""

CONSEQUENCES = {
    UNKNOWN: "use the ids of the queries in the run",
    REPEATED: "trec_eval refuses such a run; list every document once",
    MISSING: "they score 0 in this run, as in `trec_eval -c`; add their lists, or compare on the other queries",
    TIED: "their order is that of the ids, descending, as in trec_eval, whatever the ranks say; write the scores",
    CUT: "nothing: no measure looks deeper",
}
"""What follows from each remark."""


@dataclass
class RunRemarks:
    """What is odd about a run, counted."""

    name: str
    unknown: Tally = field(default_factory=Tally)
    repeated: Tally = field(default_factory=Tally)
    missing: Tally = field(default_factory=Tally)
    tied: Tally = field(default_factory=Tally)
    cut: Tally = field(default_factory=Tally)

    def look_at(self, queries: Collection[str], scores: Mapping[str, Mapping[str, float]]) -> None:
        """Count the queries without a list, and the lists that are odd."""
        for query_id in queries:
            if query_id not in scores:
                self.missing.add(query_id)
        for query_id, documents in scores.items():
            if len(documents) > 1 and len(set(documents.values())) == 1:
                self.tied.add(query_id)
            if len(documents) > MAX_DEPTH:
                self.cut.add(query_id)

    def notes(self) -> Iterator[ImportNote]:
        """A note on each kind of remark."""
        lines, lists = self.unknown.count, self.tied.count
        tallies = {
            UNKNOWN: (self.unknown, f"{counted(lines, 'line')} of unknown queries left out"),
            REPEATED: (
                self.repeated,
                f"{counted(self.repeated.count, 'line')} with a document that was listed before for the query; "
                "the last line counts, as in ir_measures",
            ),
            MISSING: (self.missing, f"{counted(self.missing.count, 'query', 'queries')} without a list"),
            TIED: (self.tied, f"{counted(lists, 'list')} with the same score for every document"),
            CUT: (self.cut, f"{counted(self.cut.count, 'list')} cut after {MAX_DEPTH:,} documents"),
        }
        for code, (tally, message) in tallies.items():
            if tally.count:
                yield ImportNote(code, tally.count, f"run {self.name}: {message}", tuple(tally.examples))


def run_artifact(id_: str) -> str:
    """The artifact of a run."""
    return f"runs/{id_}.parquet"


def rankings(
    lines: Iterable[Row[RunLine]], queries: Collection[str], defects: Defects, remarks: RunRemarks
) -> dict[str, Ranking]:
    """The ranked lists of known queries. If a document is listed twice, its last line counts, as in ir_measures.

    Args:
        remarks: counts what is odd about the run.
    """
    scores: dict[str, dict[str, float]] = {}
    for place, line in lines:
        if isinstance(line, DatasetError):
            defects.unreadable(place, line)
        elif line.query_id not in queries:
            remarks.unknown.add(line.query_id)
        else:
            listed = scores.setdefault(line.query_id, {})
            if line.doc_id in listed:
                remarks.repeated.add(f"{line.query_id} {line.doc_id}")
            listed[line.doc_id] = line.score
    remarks.look_at(queries, scores)
    return {
        query_id: rank(list(documents), list(documents.values()), MAX_DEPTH)
        for query_id, documents in scores.items()
    }


def read_run(path: Path) -> Iterator[tuple[str, str, float]]:
    """The lines of a stored run: query id, document id, score; each query's in order."""
    for batch in pq.ParquetFile(path).iter_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def write_run(path: Path, lists: Mapping[str, Ranking]) -> str:
    """Write ranked lists; returns their fingerprint."""
    rows = [
        (query_id, doc_id, score)
        for query_id, ranking in lists.items()
        for doc_id, score in zip(ranking.doc_ids, ranking.scores, strict=True)
    ]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), path, compression="zstd")
    return fingerprint_set(row_digest(query_id, doc_id, repr(score)) for query_id, doc_id, score in rows)
