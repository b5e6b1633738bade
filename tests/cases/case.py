"""A case: what people had, and what is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cases.notes import GRADED, GRADES, documents, queries
from tests.shapes.content import Judged
from tests.shapes.writing import delimited, json_lines

CORPUS, ASKED = delimited(documents()), delimited(queries())
BEIR_CORPUS, BEIR_QUERIES = json_lines(documents("_id", title="")), json_lines(queries("_id", "text"))
BEIR_QRELS = "".join(
    ("query-id\tcorpus-id\tscore\n", *(f"{q}\t{d}\t{g}\n" for (q, d), g in GRADES.items()))
).encode()
TREC_QRELS = "".join(f"{q} 0 {d} {g}\n" for (q, d), g in GRADES.items()).encode()


@dataclass(frozen=True)
class Example:
    """Files as people have them, and what a check says.

    Attributes:
        files: content by name.
        name: how it differs from the case's other examples.
        reads: the numbers of documents, queries and judgments that are right; None if the files are refused.
        judged: the judgments that are right, by texts.
        says: what a question or a refusal says before `answer`, or for good if nothing is read; empty if the files are
            read without a question.
        answer: what a person answers: values of the reading by dotted path.
        findings: codes of findings, few queries aside.
        unused: what takes no part.
        runs: names of the runs that came along.
    """

    files: Mapping[str, bytes]
    name: str = ""
    reads: tuple[int, int, int] | None = (12, 6, 8)
    judged: Judged = field(default_factory=lambda: GRADED)
    says: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scored:
    """A dataset, and what its variants score.

    Attributes:
        files: content by name.
        variants: how each retrieves, by name, as an experiment file says it.
        means: right values by variant and measure, to four decimals.
        name: how it differs from the case's other examples.
        remarks: parts of what is said beside the scores, one for each remark.
    """

    files: Mapping[str, bytes]
    variants: Mapping[str, str]
    means: Mapping[str, Mapping[str, float]]
    name: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """What somebody had.

    Attributes:
        number: the case's number, with a letter where one thread led to several.
        had: in one sentence, without an end.
        source: where it was told; empty if nowhere in particular.
        now: what happens now; by default what the first example reads.
        examples, scored: files to try.
        tested_by: tests that hold the right values, as pytest names them.
    """

    number: str
    had: str
    source: str
    now: str = ""
    examples: tuple[Example, ...] = ()
    scored: tuple[Scored, ...] = ()
    tested_by: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """What happens now, in words."""
        if self.now or not self.examples or self.examples[0].reads is None:
            return self.now
        counts = zip(self.examples[0].reads, ("documents", "queries", "judgments"), strict=True)
        return ", ".join(f"{n} {noun}" for n, noun in counts)


def beside(content: bytes, name: str) -> dict[str, bytes]:
    """A file beside the table of documents."""
    return {"documents.csv": CORPUS, name: content}


def three(judgments: bytes, name: str = "judgments.csv") -> dict[str, bytes]:
    """Tables of documents and queries, and a file of judgments."""
    return {"documents.csv": CORPUS, "queries.csv": ASKED, name: judgments}


def beir(**changed: bytes) -> dict[str, bytes]:
    """BEIR's folder; `corpus`, `queries` or `qrels` may be others."""
    files = {"corpus": BEIR_CORPUS, "queries": BEIR_QUERIES, "qrels": BEIR_QRELS, **changed}
    names = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels": "qrels/test.tsv"}
    return {names[part]: content for part, content in files.items()}
