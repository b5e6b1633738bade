"""A large corpus: how fast it is imported, how much memory that takes, and how long its health report takes.

Writes a made corpus of JSON lines into a temporary folder and imports it in a process of its own. Prints documents
per second and the peak of the resident memory; exits with 1 if it is above the bound.

    python -m benchmarks.imports [--documents 1000000] [--words 60]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.health.report import examine
from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.stage import publish, stage
from evaluator.library.token_counters import token_counters

BOUND = 1500
"""MB of resident memory that importing a million documents may take."""
QUERIES = 10_000
VOCABULARY = [f"{first}{second}" for first in ("re", "un", "out", "over", "sub") for second in (
    "line", "load", "mark", "play", "press", "run", "set", "side", "take", "turn", "view", "work", "write",
)]  # fmt: skip


def main() -> None:
    """Make a corpus, and import it in a child process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--import-folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.import_folder:
        import_and_report(arguments.import_folder)
        return
    with tempfile.TemporaryDirectory(prefix="evaluator-imports-") as name:
        folder = Path(name) / "made"
        folder.mkdir()
        write_dataset(folder, arguments.documents, arguments.words)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(
            f"{arguments.documents:,} documents of {arguments.words} words, {size / 1e6:,.0f} MB", flush=True
        )
        command = [sys.executable, "-m", "benchmarks.imports", "--import-folder", str(folder)]
        subprocess.run(command, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(f"peak memory: {peak:,.0f} MB")
    if peak > BOUND:
        sys.exit(f"that is more than {BOUND} MB")


def import_and_report(folder: Path) -> None:
    """Do with a folder what an upload does: recognise, stage, examine, publish; print how long each took."""
    started = time.perf_counter()
    reading = recognise(folder).reading
    if reading is None:
        sys.exit("the made corpus is not recognised")
    recognised = time.perf_counter()
    staged = stage(open_source(folder, reading), folder.parent / "staged", on_progress=show_progress)
    done = time.perf_counter()
    report = examine(staged, token_counters())
    examined = time.perf_counter()
    publish(staged, ArtifactStore(str(folder.parent / "store")))
    published = time.perf_counter()
    rate = report.n_documents / (done - recognised)
    print(f"recognised in {recognised - started:.1f} s")
    print(f"staged in {done - recognised:.1f} s: {rate:,.0f} documents a second")
    print(f"examined in {examined - done:.1f} s, with {len(report.findings)} findings")
    print(f"stored in {published - examined:.1f} s")


def show_progress(n_documents: int) -> None:
    """Say how far it is."""
    if n_documents % 200_000 == 0:
        print(f"  {n_documents:,} documents", flush=True)


def write_dataset(folder: Path, n_documents: int, n_words: int) -> None:
    """Write a made dataset as three files of JSON lines: ids as long as people's, random words, some repeated."""
    write_lines(folder / "corpus.jsonl", made_documents(n_documents, n_words))
    write_lines(
        folder / "queries.jsonl", ({"_id": f"query-{n}", "text": f"where is {n}"} for n in range(QUERIES))
    )
    (folder / "qrels").mkdir()
    lines = (f"query-{n}\tdocument-{n * n_documents // QUERIES:07d}\t1\n" for n in range(QUERIES))
    (folder / "qrels/test.tsv").write_text("".join(lines))


def made_documents(n_documents: int, n_words: int) -> Iterator[dict[str, str]]:
    """Documents of random words, every hundredth with the text of the one before."""
    chosen = random.Random(0)
    text = ""
    for n in range(n_documents):
        if n % 100 != 99:
            text = " ".join(chosen.choices(VOCABULARY, k=n_words))
        yield {"_id": f"document-{n:07d}", "title": "", "text": text}


def write_lines(path: Path, rows: Iterator[dict[str, str]]) -> None:
    """Write JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)


if __name__ == "__main__":
    main()
