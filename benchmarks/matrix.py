"""What sharing saves: 24 variants over two encoders in one experiment, against 24 separate cold runs of one each.

The first 300 documents of the demo dataset and the queries about them. Encoders: MiniLM, and a static encoder saved
beforehand; searched by vectors and fused with BM25; whole documents, windows of 64 tokens and sentences; with and
without MMR. Every run is `evaluator run` in a process of its own, with two workers; a cold one starts in an empty home.
The ranked lists must be the same.

    python -m benchmarks.matrix
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from evaluator.datasets.demo import write_demo_dataset
from evaluator.domain.experiment import Experiment
from evaluator.domain.matrix import Matrix, expand
from evaluator.domain.variant import MMR, Chunk, Rerank, Variant
from evaluator.experiments.file_writer import write_experiment

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
DOCUMENTS = 300


def main() -> None:
    """Run both ways and print the ratio."""
    with tempfile.TemporaryDirectory(prefix="evaluator-matrix-") as name:
        folder = Path(name)
        dataset = write_dataset(folder / "stdlib")
        matrix = Matrix(
            encoders=(MINILM, str(save_static(folder / "static"))),
            retrieve=("dense", "hybrid"),
            chunks=("none", Chunk("tokens", 64, 8), Chunk("sentences", 64)),
            rerank=("none", Rerank(mmr=MMR(MINILM, relevance=0.7))),
        )
        variants = expand(matrix)
        together, lists = run(folder / "together", dataset, variants)
        print(f"{len(variants)} variants in one experiment: {together:.1f} s", flush=True)
        apart, differing = 0.0, 0
        for number, variant in enumerate(variants):
            took, alone = run(folder / f"apart-{number}", dataset, (variant,))
            apart += took
            differing += alone[variant.name] != lists[variant.name]
            print(f"  {took:5.1f} s  {variant.name}", flush=True)
        print(
            f"{len(variants)} separate cold runs: {apart:.1f} s; one experiment takes x {together / apart:.2f}"
        )
        print(f"variants whose lists differ: {differing}")
        if differing:
            raise SystemExit(1)


def write_dataset(folder: Path) -> Path:
    """The beginning of the demo dataset, in BEIR's format."""
    write_demo_dataset(folder)
    corpus = (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[:DOCUMENTS]
    document_ids = {json.loads(line)["_id"] for line in corpus}
    qrels = (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    judgments = [line for line in qrels[1:] if line.split("\t")[1] in document_ids]
    query_ids = {line.split("\t")[0] for line in judgments}
    queries = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "corpus.jsonl").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("\n".join([qrels[0], *judgments]) + "\n", encoding="utf-8")
    judged_queries = [line for line in queries if json.loads(line)["_id"] in query_ids]
    (folder / "queries.jsonl").write_text("\n".join(judged_queries) + "\n", encoding="utf-8")
    return folder


def save_static(folder: Path) -> Path:
    """A static encoder over MiniLM's tokenizer, with seeded vectors."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    from evaluator.retrieval.encoders.resolve import bundled_folder

    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    weights = torch.randn(tokenizer.get_vocab_size(), 64, generator=torch.Generator().manual_seed(7))
    module = StaticEmbedding(tokenizer, embedding_weights=weights.numpy())
    SentenceTransformer(modules=[module], device="cpu").save(str(folder), create_model_card=False)
    return folder


def run(home: Path, dataset: Path, variants: tuple[Variant, ...]) -> tuple[float, dict[str, Any]]:
    """Seconds of `evaluator run` in an empty home, and the ranked lists by variant."""
    home.mkdir()
    file = home / "experiment.yaml"
    file.write_text(write_experiment(Experiment("matrix", str(dataset), variants)), encoding="utf-8")
    environment = {**os.environ, "EVALUATOR_HOME": str(home)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "evaluator.cli", "run", str(file), "--workers", "2", "--json"],
        env=environment,
        check=True,
        capture_output=True,
    )
    took = time.perf_counter() - started
    with duckdb.connect(str(home / "evaluator.duckdb"), read_only=True) as database:
        rows = database.execute(
            "SELECT variant, list(doc_ids ORDER BY query_id) FROM results GROUP BY variant"
        ).fetchall()
    return took, dict(rows)


if __name__ == "__main__":
    main()
