"""Small datasets on disk, in each format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from evaluator.artifacts.digests import DIGESTS
from evaluator.artifacts.store import ArtifactStore

Judgments = Sequence[tuple[Any, Any, Any]]
WriteDataset = Callable[..., Path]


def write_objects(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_beir(
    folder: Path,
    documents: Sequence[tuple[Any, Any]] = (("d1", "first document"), ("d2", "second document")),
    queries: Sequence[tuple[Any, Any]] = (("q1", "first query"),),
    judgments: Judgments = (("q1", "d1", 1),),
) -> Path:
    (folder / "qrels").mkdir(parents=True)
    write_objects(folder / "corpus.jsonl", [{"_id": i, "title": "", "text": text} for i, text in documents])
    write_objects(folder / "queries.jsonl", [{"_id": i, "text": text} for i, text in queries])
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, judgment)) for judgment in judgments)]
    (folder / "qrels/test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_decision_record(
    folder: Path,
    documents: Sequence[tuple[Any, Any]] = (("d1", "first document"), ("d2", "second document")),
    queries: Sequence[tuple[Any, Any]] = (("q1", "first query"),),
    judgments: Judgments = (("q1", "d1", 1),),
) -> Path:
    folder.mkdir(parents=True)
    write_objects(folder / "documents.jsonl", [{"id": i, "content": text} for i, text in documents])
    rows = []
    for query_id, text in queries:
        own = [(doc_id, grade) for judged, doc_id, grade in judgments if judged == query_id]
        rows.append(
            {
                "id": query_id,
                "query": text,
                "relevantDocs": [doc_id for doc_id, _ in own],
                "relevanceScores": [grade for _, grade in own],
            }
        )
    write_objects(folder / "queries.jsonl", rows)
    return folder


WRITERS: dict[str, WriteDataset] = {"beir": write_beir, "decision-record": write_decision_record}


def stored_files(store: ArtifactStore) -> set[str]:
    """Every file below the store, temporary ones included, digests aside."""
    root = Path(store.url)
    paths = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {name for name in paths if not name.startswith(f"{DIGESTS}/")}
