"""The health report: figures that describe a dataset, its problems, and their consequences.

Staged and stored datasets get the same report. docs/datasets.md lists the findings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluator.datasets.canonical import CORPUS_FILE, QRELS_FILE, QUERIES_FILE
from evaluator.datasets.findings import SEVERITIES, Finding
from evaluator.datasets.health.checks import (
    Judgments,
    Part,
    document_findings,
    import_findings,
    judgment_findings,
    query_findings,
)
from evaluator.datasets.health.text_statistics import TokenCounter, Truncation, corpus_texts, query_words
from evaluator.datasets.layout import corpus_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.staging.stage import Staged
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import ImportNote
from evaluator.domain.json_record import JsonRecord
from evaluator.domain.statistics.power import detectable_difference

__all__ = ["Finding", "HealthReport", "Histogram", "TokenCounter", "Truncation", "examine", "examine_stored"]

BINS = 20
"""Maximum bins of a histogram."""
TAIL = 0.99
"""Share of the values that equal bins cover; the last bin holds the long tail."""


@dataclass(frozen=True)
class Histogram:
    """How often values fall into bins: `counts[i]` of them are at least `edges[i]` and below `edges[i + 1]`.

    All bins but the last, which holds the long tail, are equally wide. Without values, both are empty.
    """

    edges: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: npt.NDArray[np.int64]) -> Histogram:
        """The histogram of non-negative whole numbers: [n]."""
        if not len(values):
            return cls()
        largest = int(values.max())
        width = _round_width(float(np.quantile(values, TAIL)) + 1)
        edges = [*range(0, largest + 1, width)][:BINS]
        edges.append(max(edges[-1] + width, largest + 1))
        counts, _ = np.histogram(values, edges)
        return cls(tuple(edges), tuple(map(int, counts)))


def _round_width(extent: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 ... with which `BINS` bins cover values below `extent`."""
    power = 1
    while True:
        for width in (power, 2 * power, 5 * power):
            if width * BINS >= extent:
                return width
        power *= 10


@dataclass(frozen=True)
class HealthReport(JsonRecord):
    """Figures and findings about a dataset.

    Attributes:
        n_documents, n_queries, n_judgments: readable rows.
        findings: what is wrong or worth knowing, blocking findings first.
        grades: how many judgments have each grade.
        judged_per_query: judged documents of each query.
        document_words, query_words: lengths of the texts.
        truncation: for each requested encoder, the share of documents that it would truncate.
        languages: share of the sampled documents by ISO 639 code, or `unknown`; the most frequent first.
        detectable: the smallest difference of a measure between 0 and 1 that the scored queries can show, under
            the assumptions of `evaluator.domain.statistics.power`; None with fewer than two.
    """

    n_documents: int
    n_queries: int
    n_judgments: int
    findings: tuple[Finding, ...]
    grades: Mapping[int, int]
    judged_per_query: Histogram
    document_words: Histogram
    query_words: Histogram
    truncation: tuple[Truncation, ...]
    languages: Mapping[str, float]
    detectable: float | None

    @property
    def blocking(self) -> bool:
        """Whether a finding prevents the dataset from being stored."""
        return any(finding.severity == "blocking" for finding in self.findings)

    @property
    def can_leave_out(self) -> bool:
        """Whether the dataset can be stored if the rows with defects are left out (the repair `leave-out-rows`)."""
        blocking = [finding for finding in self.findings if finding.severity == "blocking"]
        return bool(blocking) and all(finding.repair == "leave-out-rows" for finding in blocking)


class _Files(NamedTuple):
    """Paths of the three parts of a dataset."""

    corpus: Path
    queries: Path
    qrels: Path


def examine(staged: Staged, counters: Sequence[TokenCounter] = ()) -> HealthReport:
    """The report on a staged dataset; rows with defects appear only in the findings on these defects.

    Args:
        staged: the dataset.
        counters: tokenizers of the encoders whose truncation is asked for.
    """
    files = _Files(staged.folder / CORPUS_FILE, staged.folder / QUERIES_FILE, staged.folder / QRELS_FILE)
    manifest = staged.manifest
    notes = manifest.notes if manifest else ()
    return _examine(
        files, counters, notes, staged.defects, exclude_self=bool(manifest and manifest.exclude_self)
    )


def examine_stored(dataset: StoredDataset, counters: Sequence[TokenCounter] = ()) -> HealthReport:
    """The report on a stored dataset.

    Args:
        dataset: the dataset.
        counters: tokenizers of the encoders whose truncation is asked for.
    """
    manifest = dataset.manifest
    names = (corpus_artifact(manifest), queries_artifact(manifest), qrels_artifact(manifest))
    files = _Files(*map(dataset.store.local_path, names))
    return _examine(files, counters, manifest.notes, (), exclude_self=manifest.exclude_self)


def _examine(
    files: _Files,
    counters: Sequence[TokenCounter],
    notes: Sequence[ImportNote],
    defects: tuple[Finding, ...],
    *,
    exclude_self: bool,
) -> HealthReport:
    corpus, queries = Part(files.corpus, "doc_id"), Part(files.queries, "query_id")
    judgments = Judgments(files.qrels, corpus)
    findings = [
        *defects,
        *judgment_findings(judgments, queries, notes),
        *document_findings(corpus, judgments),
        *query_findings(queries, corpus, exclude_self=exclude_self),
        *import_findings(notes),
    ]
    texts = corpus_texts(files.corpus, len(corpus), counters)
    return HealthReport(
        n_documents=len(corpus),
        n_queries=len(queries),
        n_judgments=len(judgments.table),
        findings=_in_order(findings),
        grades=judgments.grades(),
        judged_per_query=Histogram.of(judgments.per_query(queries)) if len(judgments.table) else Histogram(),
        document_words=Histogram.of(texts.words),
        query_words=Histogram.of(query_words(files.queries)),
        truncation=texts.truncation,
        languages=texts.languages,
        detectable=detectable_difference(judgments.n_scored),
    )


def _in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding for each code, sorted by severity; findings of the same severity keep their order."""
    first = {finding.code: finding for finding in reversed(findings)}
    distinct = [finding for finding in findings if first[finding.code] is finding]
    return tuple(sorted(distinct, key=lambda finding: SEVERITIES.index(finding.severity)))
