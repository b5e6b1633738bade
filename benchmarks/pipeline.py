"""What the software costs: Cranfield with MiniLM (float32), measured in one run on the same work.

(a) bare: `SentenceTransformer.encode`, a matrix product, the top 100 of each query
(b) sentence-transformers' own `InformationRetrievalEvaluator`
(c) an experiment through the whole path (queue, workers, stream, database) with a cold cache
(d) the same `evaluator run` again, as a new process: everything is cached and recorded

Models are loaded outside the clock in (a), (b) and (c). All use the same number of threads: (a) and (b) two in one
process, (c) two workers with one each. Then the queue's own cost: milliseconds per query with trivial work.

    python -m benchmarks.pipeline [--rounds 3] [--dataset ../shared/data/cranfield]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import Experiment, QueriesPerJob
from evaluator.domain.status import ACTIVE
from evaluator.domain.variant import BM25, Dense, Retrieve, Variant
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import progress_reader
from evaluator.library import catalog
from evaluator.operations.instance import headless
from evaluator.retrieval.encoders.resolve import bundled_folder
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MEASURES = ("nDCG@10", "RR@10", "R@100", "AP@100")
WORKERS = 2
QUEUE_QUERIES = 2000


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--dataset", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "cranfield"
    )
    arguments = parser.parse_args()
    if not arguments.dataset.is_dir():
        sys.exit(f"{arguments.dataset} is not there; give a dataset's folder with --dataset")
    with tempfile.TemporaryDirectory(prefix="evaluator-bench-") as folder:
        pipeline(arguments.dataset, Path(folder), arguments.rounds)
        queue_cost(Path(folder))


def pipeline(source: Path, folder: Path, rounds: int) -> None:
    """(a) to (d), round after round in turn, so that a drift of the machine's speed meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in "abcd"}
    with bare_model() as model, warm_instance(source, folder) as (workspace, run_cold):
        dataset = catalog.load(workspace, catalog.import_folder(workspace, source, "bench"))
        texts = [document.content for document in dataset.documents()]
        queries = [query.text for query in dataset.queries]
        evaluator = information_retrieval_evaluator(dataset, texts)
        for round_ in range(rounds):
            times["a"].append(seconds(lambda: bare(model, texts, queries)))
            times["b"].append(seconds(lambda: evaluator(model)))
            times["c"].append(run_cold(round_))
    command_line = repeated_command(source, folder)
    times["d"] = [seconds(command_line) for _ in range(rounds)]
    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"\nCranfield x MiniLM float32, {rounds} rounds, median seconds (least to most)")
    for name, what in (
        ("a", "bare encode + matrix product + top 100"),
        ("b", "InformationRetrievalEvaluator"),
        ("c", "evaluator, cold cache"),
        ("d", "evaluator run again, whole process"),
    ):
        print(
            f"  ({name}) {what:42s} {median[name]:8.2f}   ({min(times[name]):.2f} to {max(times[name]):.2f})"
        )
    print(
        f"  c/a {median['c'] / median['a']:.3f}   c/b {median['c'] / median['b']:.3f}   d {median['d']:.2f} s"
    )


@contextmanager
def bare_model() -> Iterator[Any]:
    """The model in this process, with as many threads as (c) has workers."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(WORKERS)
    model = SentenceTransformer(str(bundled_folder()), device="cpu")
    model.encode(["warm up"])
    yield model


def bare(model: Any, texts: list[str], queries: list[str]) -> None:
    """Encode, multiply, take the top 100."""
    documents = model.encode(texts, show_progress_bar=False)
    scores = model.encode(queries, show_progress_bar=False) @ documents.T
    top = np.argpartition(-scores, 100, axis=1)[:, :100]
    np.take_along_axis(top, np.argsort(-np.take_along_axis(scores, top, axis=1)), axis=1)


def information_retrieval_evaluator(dataset: StoredDataset, texts: list[str]) -> Any:
    """sentence-transformers' evaluator for the same dataset, cutoffs and batch size."""
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    relevant = {q: {d for d, grade in grades.items() if grade >= 1} for q, grades in dataset.qrels.items()}
    return InformationRetrievalEvaluator(
        queries={query.query_id: query.text for query in dataset.queries},
        corpus=dict(zip(dataset.doc_ids, texts, strict=True)),
        relevant_docs={query_id: ids for query_id, ids in relevant.items() if ids},
        mrr_at_k=[10], ndcg_at_k=[10], accuracy_at_k=[10], precision_recall_at_k=[100], map_at_k=[100],
        batch_size=32, write_csv=False,
    )  # fmt: skip


@contextmanager
def warm_instance(source: Path, folder: Path) -> Iterator[tuple[Workspace, Callable[[int], float]]]:
    """An instance whose workers have the model loaded, and a function that times a cold experiment on it."""
    settings = Settings(home=folder / "home", workers=WORKERS, redis_url=None)
    with headless(settings, WORKERS) as instance:
        instance.supervisor.add_workers(WORKERS - 1)
        workspace = instance.workspace
        load_models(workspace, folder)

        def run_cold(round_: int) -> float:
            forget_vectors(workspace)
            experiment = Experiment(f"cold {round_}", "bench", (dense_variant(),), measures=MEASURES)
            return seconds(lambda: finish(workspace, experiment))

        yield workspace, run_cold


def load_models(workspace: Workspace, folder: Path) -> None:
    """Have every worker load the model: enough small shards that each gets one."""
    write_dataset(folder / "warm-up", documents=64 * 4 * WORKERS, queries=4)
    catalog.import_folder(workspace, folder / "warm-up", "warm-up")
    finish(workspace, Experiment("warm-up", "warm-up", (dense_variant(),)))


def forget_vectors(workspace: Workspace) -> None:
    """Make the cache cold again."""
    import shutil

    for name in ("vectors", "indexes"):
        shutil.rmtree(Path(workspace.store.url) / name, ignore_errors=True)


def repeated_command(source: Path, folder: Path) -> Callable[[], None]:
    """`evaluator run` of an experiment that has been run before."""
    file = folder / "again.yaml"
    file.write_text(
        f"name: again\ndataset: {source.resolve()}\nmeasures: [{', '.join(MEASURES)}]\n"
        f"variants: [{{name: minilm, retrieve: {{dense: {{encoder: {ENCODER}}}}}}}]\n"
    )
    command = [sys.executable, "-m", "evaluator.cli", "run", str(file)]
    environment = {**os.environ, "EVALUATOR_HOME": str(folder / "home"), "EVALUATOR_WORKERS": str(WORKERS)}

    def run() -> None:
        subprocess.run(command, env=environment, check=True, capture_output=True)

    run()
    return run


def queue_cost(folder: Path) -> None:
    """Milliseconds per query with trivial work: BM25 over ten documents."""
    write_dataset(folder / "trivial", documents=10, queries=QUEUE_QUERIES)
    settings = Settings(home=folder / "queue-home", workers=WORKERS, redis_url=None)
    print(f"\nThe queue's own cost: {QUEUE_QUERIES} queries of trivial work, {WORKERS} workers")
    with headless(settings, WORKERS) as instance:
        instance.supervisor.add_workers(WORKERS - 1)
        workspace = instance.workspace
        catalog.import_folder(workspace, folder / "trivial", "trivial")
        finish(
            workspace, Experiment("first", "trivial", (bm25_variant(1.5),), measures=MEASURES)
        )  # workers import, open, load
        cuts: tuple[QueriesPerJob, ...] = (1, "auto")
        for number, queries_per_job in enumerate(cuts):
            experiment = Experiment(
                "cost",
                "trivial",
                (bm25_variant(0.5 + number),),
                measures=MEASURES,
                queries_per_job=queries_per_job,
            )
            elapsed = seconds(partial(finish, workspace, experiment))
            print(f"  queries_per_job {queries_per_job!s:5} {1000 * elapsed / QUEUE_QUERIES:8.3f} ms a query")


def finish(workspace: Workspace, experiment: Experiment) -> None:
    """Submit an experiment and wait for its end."""
    submitted = lifecycle.submit(workspace, experiment, allow_paths=True)
    reader = progress_reader(workspace)
    while reader.read(submitted.id).status in ACTIVE:
        time.sleep(0.05)


def dense_variant() -> Variant:
    """MiniLM, exact search."""
    return Variant("minilm", Retrieve(dense=Dense(ENCODER)))


def bm25_variant(k1: float) -> Variant:
    """BM25; another k1 is another experiment."""
    return Variant("bm25", Retrieve(bm25=BM25(k1=k1)))


def write_dataset(folder: Path, documents: int, queries: int) -> None:
    """A made dataset."""
    import json

    (folder / "qrels").mkdir(parents=True)
    rows = [
        json.dumps({"_id": f"d{n}", "text": f"document number {n} about topic {n % 7}"})
        for n in range(documents)
    ]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    rows = [json.dumps({"_id": f"q{n}", "text": f"topic {n % 7} number {n}"}) for n in range(queries)]
    (folder / "queries.jsonl").write_text("\n".join(rows))
    (folder / "qrels" / "test.tsv").write_text(
        "\n".join(f"q{n}\td{n % documents}\t1" for n in range(queries))
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
