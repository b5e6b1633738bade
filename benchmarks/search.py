"""Exact dense search: ours against faiss' flat index and blocks of NumPy, on the same work in one run.

The top 100 of 1,000 queries among N unit vectors of 384 dimensions. All must find the same documents. `ours` is what
a variant runs: candidates by `faiss.knn`, decided in float64, as ranked lists with ids. The matrix product alone, in
the same blocks, shows what choosing the best costs. Memory is what the process holds beyond the vectors at most; the
flat index has a copy of them, which is counted.

    python -m benchmarks.search [N] [--rounds 3]       # N = 1000000 is what is reported
    OMP_NUM_THREADS=1 python -m benchmarks.search [N]
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Sequence

import faiss
import numpy as np
import psutil

from evaluator.domain.ranking import Floats, Ints, Ranking
from evaluator.retrieval.search.dense import DenseIndex, FlatVectors, nearest

QUERIES, DIMENSIONS, DEPTH = 1000, 384, 100
BLOCK = 4096
"""Documents of one matrix product: 16 MB of scores."""
EQUAL = 1e-6
"""Scores at the cut that are closer than this may change places: float32 sums differ in the last bits."""
MEGABYTE = 2**20
FLAT = "faiss flat"

Found = tuple[Floats, Ints]


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("documents", nargs="?", type=int, default=100_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    documents, queries = unit_vectors(arguments.documents, seed=0), unit_vectors(QUERIES, seed=1)
    before = psutil.Process().memory_info().rss
    flat = faiss.IndexFlatIP(DIMENSIONS)
    flat.add(documents)
    copy = (psutil.Process().memory_info().rss - before) / MEGABYTE
    ours = DenseIndex(FlatVectors(documents), [f"d{row}" for row in range(len(documents))])
    methods: dict[str, Callable[[], Found]] = {
        FLAT: lambda: flat.search(queries, DEPTH),
        "ours": lambda: as_rows(ours.search(queries, DEPTH)),
        "faiss.knn": lambda: nearest(queries, documents, DEPTH),
        "NumPy blocks": lambda: numpy_blocks(queries, documents, DEPTH),
        "product alone": lambda: product_alone(queries, documents),
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    memory: dict[str, float] = dict.fromkeys(methods, 0.0)
    results_by_method: dict[str, Found] = {}
    for _ in range(arguments.rounds):  # in turn, so that a drift of the machine's speed meets all alike
        for name, search in methods.items():
            results_by_method[name], took, peak = measured(search)
            seconds[name].append(took)
            memory[name] = max(memory[name], peak)
    memory[FLAT] += copy
    differing = max(
        count_differing(results_by_method[FLAT], results_by_method[name])
        for name in ("ours", "faiss.knn", "NumPy blocks")
    )
    print(
        f"{arguments.documents:,} x {DIMENSIONS}, {QUERIES:,} queries, top {DEPTH}, "
        f"{faiss.omp_get_max_threads()} threads, median of {arguments.rounds} rounds"
    )
    flat_seconds = statistics.median(seconds[FLAT])
    for name in methods:
        median = statistics.median(seconds[name])
        spread = f"({min(seconds[name]):.2f} to {max(seconds[name]):.2f})"
        ratio = f"x {median / flat_seconds:.2f} of {FLAT}"
        print(f"  {name:<14} {median:6.2f} s {spread:<16} {memory[name]:6.0f} MB   {ratio}")
    print(f"  queries whose documents differ: {differing}")
    if differing:
        raise SystemExit(1)


def as_rows(rankings: Sequence[Ranking]) -> Found:
    """Ranked lists as scores and rows."""
    scores = np.array([ranking.scores for ranking in rankings], dtype=np.float32)
    rows = np.array([[int(doc_id[1:]) for doc_id in ranking.doc_ids] for ranking in rankings], dtype=np.int64)
    return scores, rows


def unit_vectors(n: int, seed: int) -> Floats:
    """Random directions: [n, 384] float32."""
    vectors = np.random.default_rng(seed).standard_normal((n, DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def numpy_blocks(queries: Floats, documents: Floats, k: int) -> Found:
    """The k largest inner products of each query; the best so far compete with each block's."""
    scores = np.empty((len(queries), 0), dtype=np.float32)
    rows = np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(documents), BLOCK):
        block = queries @ documents[start : start + BLOCK].T
        chosen = largest(block, k)
        scores = np.concatenate([scores, np.take_along_axis(block, chosen, axis=1)], axis=1)
        rows = np.concatenate([rows, chosen + start], axis=1)
        largest_columns = largest(scores, k)
        scores, rows = (
            np.take_along_axis(scores, largest_columns, axis=1),
            np.take_along_axis(rows, largest_columns, axis=1),
        )
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def largest(scores: Floats, k: int) -> Ints:
    """Columns of the k largest values of each row, in any order."""
    if scores.shape[1] <= k:
        return np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    return np.argpartition(scores, -k, axis=1)[:, -k:]


def product_alone(queries: Floats, documents: Floats) -> Found:
    """All inner products, without selecting the largest."""
    for start in range(0, len(documents), BLOCK):
        queries @ documents[start : start + BLOCK].T
    return np.empty((0, 0), dtype=np.float32), np.empty((0, 0), dtype=np.int64)


def count_differing(one: Found, other: Found) -> int:
    """The number of queries with different documents from two methods, except for ties at the cut."""
    count = 0
    for scores, rows, other_scores, other_rows in zip(*one, *other, strict=True):
        cut = max(scores[-1], other_scores[-1]) + EQUAL
        sure = set(rows[scores > cut].tolist()), set(other_rows[other_scores > cut].tolist())
        count += not (sure[0] <= set(other_rows.tolist()) and sure[1] <= set(rows.tolist()))
    return count


def measured(search: Callable[[], Found]) -> tuple[Found, float, float]:
    """A method's answer, its seconds, and the megabytes that the process held beyond before at most."""
    process, ended = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    results = search()
    took = time.perf_counter() - started
    ended.set()
    watcher.join()
    return results, took, (peak - before) / MEGABYTE


if __name__ == "__main__":
    main()
