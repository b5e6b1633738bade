"""The BEIR format (Thakur et al., NeurIPS 2021): `corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.datasets.fields import grade, identifier, optional_text, query_text, tags, text
from evaluator.datasets.lines import read_lines, read_objects
from evaluator.datasets.source import Format, Place
from evaluator.domain.dataset import Document, ImportNote, Judgment, Query
from evaluator.errors import DatasetError

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
PREFERRED_SPLIT = "test"


@dataclass(frozen=True)
class BeirFolder:
    """A folder in BEIR's format; `split` is the qrels file that counts, `others` those that do not."""

    folder: Path
    split: str | None
    others: tuple[str, ...] = ()

    def documents(self) -> Iterator[tuple[Place, Document]]:
        """Rows with `_id`, `text` and, if wanted, `title`."""
        for place, row in read_objects(self.folder, CORPUS):
            yield (
                place,
                Document(
                    identifier(row.get("_id"), "_id", place),
                    optional_text(row.get("title"), "title", place),
                    text(row.get("text"), "text", place),
                ),
            )

    def queries(self) -> Iterator[tuple[Place, Query]]:
        """Rows with `_id`, `text` and, beyond BEIR, `tags`."""
        for place, row in read_objects(self.folder, QUERIES):
            yield (
                place,
                Query(
                    identifier(row.get("_id"), "_id", place),
                    query_text(row.get("text"), "text", place),
                    tags(row.get("tags"), place),
                ),
            )

    def judgments(self) -> Iterator[tuple[Place, Judgment]]:
        """Lines of query id, document id and grade; the first line may name the columns."""
        if self.split is None:
            return
        for row, (place, line) in enumerate(read_lines(self.folder, self.split)):
            cells = line.split("\t")
            if row == 0 and _is_header(cells):
                continue
            if len(cells) != 3:
                raise place.error(
                    f"3 fields separated by tabs are expected, found {len(cells)}",
                    "write query id, document id and grade",
                )
            yield (
                place,
                Judgment(
                    identifier(cells[0], "the first column", place),
                    identifier(cells[1], "the second column", place),
                    grade(cells[2], "the third column", place),
                ),
            )

    def notes(self) -> list[ImportNote]:
        """The splits that were not read."""
        if not self.others:
            return []
        message = f"only {self.split} is used; other qrels files are left out"
        return [ImportNote("other-splits", len(self.others), message, self.others[:5])]


def _is_header(cells: list[str]) -> bool:
    """Whether a first line names columns: three names, the last no number (0.5 is a wrong grade)."""
    if len(cells) != 3 or not all(cell.strip() for cell in cells):
        return False
    try:
        float(cells[2])
    except ValueError:
        return True
    return False


def recognise(folder: Path) -> BeirFolder | None:
    """The folder as BEIR's, if it has a corpus and queries.

    Raises:
        DatasetError: which qrels file counts is not clear.
    """
    if not ((folder / CORPUS).is_file() and (folder / QUERIES).is_file()):
        return None
    qrels = folder / QRELS
    if not qrels.is_dir():
        return BeirFolder(folder, None)
    splits = sorted(path.name for path in qrels.glob("*.tsv"))
    chosen = f"{PREFERRED_SPLIT}.tsv" if f"{PREFERRED_SPLIT}.tsv" in splits else splits[0] if splits else None
    if chosen is None:
        raise DatasetError(f"{folder}: the folder {QRELS} has no .tsv file; add one, or remove the folder")
    if len(splits) > 1 and chosen != f"{PREFERRED_SPLIT}.tsv":
        raise DatasetError(
            f"{folder}: which of {', '.join(splits)} in {QRELS} counts is not clear; "
            f"keep one of them, or name one {PREFERRED_SPLIT}.tsv"
        )
    others = tuple(f"{QRELS}/{name}" for name in splits if name != chosen)
    return BeirFolder(folder, f"{QRELS}/{chosen}", others)


BEIR = Format(
    name="BEIR",
    expects="corpus.jsonl (_id, title, text), "
    "queries.jsonl (_id, text), qrels/test.tsv (query, document, grade)",
    recognise=recognise,
)
