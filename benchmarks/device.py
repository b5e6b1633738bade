"""What the software costs on a GPU, or on the processor: MiniLM over made documents, measured in one run.

(a) bare: `SentenceTransformer.encode` at several batch sizes; the best of them over all documents
(b) what the device can do: tokenization alone, then forward passes alone, over batches of a token budget
(c) an experiment through the whole path (queue, workers, stream, database), cold: nothing is cached, and workers
    start with it, as `evaluator run` starts them; first all workers encode, then one

Models are loaded outside the clock in (a) and (b). In (c), `wall` is from the submission to the last row, so it
contains starting PyTorch in the workers; `encoding` is from the start of the first shard to the end of the last. (b)
times a second pass and prints the first apart: in half precision, a batch of a new shape is slow. `busy` is the share
of time in which anything ran on the device, as its driver reports it; the memory is what all processes hold there.

The vectors of (c) are compared with those of (a): if they differ by more than rounding, the exit code is 1.

    python -m benchmarks.device [--documents 40000] [--device auto] [--precision float32] [--model auto]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from benchmarks.minilm import made_texts, save_random_minilm
from benchmarks.utilisation import SAMPLING, busy, sampled
from evaluator.domain.experiment import Experiment
from evaluator.domain.ranking import Floats
from evaluator.domain.status import ACTIVE
from evaluator.domain.variant import Dense, Precision, Retrieve, Variant
from evaluator.errors import EncoderNotFoundError
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import progress_reader
from evaluator.library import catalog
from evaluator.operations.instance import headless
from evaluator.retrieval.encoders.resolve import bundled_folder
from evaluator.retrieval.encoders.saved_model import tokenizer_file
from evaluator.retrieval.encoders.sentence_transformer import BATCH_SIZE
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors.encoding import open_matrix, vector_folder
from evaluator.settings import Settings
from evaluator.store.experiments import experiment as recorded_experiment

BATCH_SIZES = (32, 128, 256, 512)
TOKEN_BUDGETS = (65_536, 262_144)
SAMPLE = 10_000
"""Documents with which the best batch size is found."""
QUERIES = 100
MANY, FEW = 40_000, 128
"""Documents by default: on a GPU, and on the processor."""
LOWEST_COSINE: dict[Precision, float] = {"float32": 0.99999, "float16": 0.9999, "bfloat16": 0.999}
"""Of two vectors of the same text that differ by rounding alone."""
PARALLELISM = "TOKENIZERS_PARALLELISM"
"""The switch of `tokenizers` for more than one thread."""
START = """
import time
began = time.perf_counter()
import torch
imported = time.perf_counter()
import sentence_transformers
libraries = time.perf_counter()
torch.zeros(1, device="{device}")
print(imported - began, libraries - imported, time.perf_counter() - libraries)
"""
"""What a worker does before it loads a model."""


@dataclass(frozen=True)
class Work:
    """What is encoded, by which model, on which device.

    Attributes:
        encoder: the model's name in an experiment.
        folder: where the model is saved.
        device: `cpu` or `cuda`.
        precision: of ours, and of the vectors it is compared with.
    """

    encoder: str
    folder: Path
    texts: list[str]
    device: str
    precision: Precision

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """What (a) measures; half precisions are made for GPUs."""
        import torch

        half = self.device == "cuda" and torch.cuda.is_bf16_supported()
        return tuple(dict.fromkeys(("float32", *(("bfloat16",) if half else ()), self.precision)))

    def model(self, precision: Precision) -> Any:
        """The model in this process."""
        import torch
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(self.folder), device=self.device, local_files_only=True)
        return model.to(getattr(torch, precision)).eval()


@dataclass(frozen=True)
class Timed:
    """Seconds of a computation; its vectors [n_texts, dim] float32; how busy the device was, and its memory."""

    seconds: float
    vectors: Floats
    busy: str


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, help=f"default: {MANY} on a GPU, {FEW} on the processor")
    parser.add_argument("--tokens", type=int, default=176, help="mean length of a document")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=get_args(Precision), default="float32", help="of (c)")
    parser.add_argument(
        "--model", choices=("auto", "bundled", "random"), default="auto",
        help="random: MiniLM's architecture with random weights; auto: that, where the bundled one is not installed",
    )  # fmt: skip
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    os.environ["EVALUATOR_DEVICE"] = device  # for workers
    documents = arguments.documents or (MANY if device == "cuda" else FEW)
    with tempfile.TemporaryDirectory(prefix="evaluator-bench-") as name:
        folder = Path(name)
        encoder, model = saved_model(arguments.model, folder / "minilm")
        texts = made_texts(model, documents, arguments.tokens)
        work = Work(encoder, model, texts, device, arguments.precision)
        describe(work)
        bare = {precision: measure_bare(work, precision) for precision in work.precisions}
        measure_limits(work, bare["float32"].vectors)
        write_dataset(folder / "made", texts)
        print(f"\n(c) evaluator, cold, {work.precision}; a worker starts with {start_up(device)}")
        workers = Settings().workers
        agree = [
            measure_ours(work, folder, encode_workers, bare[work.precision])
            for encode_workers in dict.fromkeys((workers, 1))
        ]
    if not all(agree):
        sys.exit("the vectors of (c) are not those of (a)")


def saved_model(choice: str, folder: Path) -> tuple[str, Path]:
    """The model's name in an experiment, and its folder."""
    if choice != "random":
        try:
            return "sentence-transformers/all-MiniLM-L6-v2", bundled_folder()
        except EncoderNotFoundError:
            if choice == "bundled":
                raise
    save_random_minilm(folder)
    return str(folder), folder


def describe(work: Work) -> None:
    """Say what is measured, and where."""
    import torch

    name = torch.cuda.get_device_name() if work.device == "cuda" else "the processor (no GPU was measured)"
    weights = "random weights" if work.encoder == str(work.folder) else "published weights"
    print(f"{name}, {os.cpu_count()} cores, PyTorch {torch.__version__}; MiniLM with {weights}")
    if work.device == "cuda":
        with sampled(work.device) as samples:
            time.sleep(2 * SAMPLING)
        if not samples:
            print(
                "how busy it is cannot be measured: nvidia-ml-py is not installed, or the driver does not say"
            )


def measure_bare(work: Work, precision: Precision) -> Timed:
    """(a) in one precision, at the best batch size."""
    n = len(work.texts)
    print(f"\n(a) bare encode, {precision:<29} texts/s   seconds   busy, memory", flush=True)
    model = work.model(precision)
    sizes = [size for size in BATCH_SIZES if size == BATCH_SIZES[0] or size < 2 * n]
    timed = {size: timed_encode(work, model, size, SAMPLE) for size in sizes}
    best = min(sizes, key=lambda size: timed[size].seconds)
    print(f"    the best batch size is {best}")
    return timed[best] if n <= SAMPLE else timed_encode(work, model, best, n)


def timed_encode(work: Work, model: Any, size: int, documents: int) -> Timed:
    """Time `encode` of the first documents, and print it."""
    texts = work.texts[:documents]
    warm_up = texts[: size if work.device == "cuda" else 1]
    model.encode(warm_up, batch_size=size, show_progress_bar=False)
    with sampled(work.device) as samples:
        started = time.perf_counter()
        vectors: Floats = model.encode(texts, batch_size=size, show_progress_bar=False)
        timed = Timed(time.perf_counter() - started, vectors, busy(samples))
    line(f"batch {size}, {len(texts):,} texts", len(texts), timed.seconds, timed.busy)
    return timed


def measure_limits(work: Work, reference: Floats) -> None:
    """(b): tokenization apart, then forward passes in each precision."""
    import torch

    model = work.model("float32")
    started = time.perf_counter()
    tokens = tokenized(work, model.max_seq_length)
    seconds = time.perf_counter() - started
    n, mean = len(tokens), sum(map(len, tokens)) / len(tokens)
    print(f"\n(b) apart: texts of {mean:<6.1f} tokens               texts/s   seconds   busy, memory")
    line("tokenization, all cores", n, seconds, "")
    some = work.texts[:SAMPLE]
    line("tokenization, as in a worker", len(some), tokenize_as_worker(model, some), "")
    modes: list[tuple[str, Precision]] = [("float32", "float32")]
    if work.device == "cuda":
        modes += [("tf32", "float32"), ("float16", "float16")]
        modes += [("bfloat16", "bfloat16")] if torch.cuda.is_bf16_supported() else []
    for mode, precision in modes:
        model = work.model(precision)
        torch.set_float32_matmul_precision("high" if mode == "tf32" else "highest")
        for budget in TOKEN_BUDGETS[: None if work.device == "cuda" else 1]:
            first = timed_forward(work, model, tokens, budget)
            again = first if work.device == "cpu" else timed_forward(work, model, tokens, budget)
            line(
                f"{mode}, {budget:,} tokens a batch", n, again.seconds, again.busy,
                f"first pass {first.seconds:.2f} s, min. cosine {cosines(again.vectors, reference).min():.6f}",
            )  # fmt: skip
    torch.set_float32_matmul_precision("highest")


def tokenize_as_worker(model: Any, texts: list[str]) -> float:
    """Seconds that `encode` takes for tokens where `tokenizers` has one thread, as our workers set it."""
    before = os.environ.get(PARALLELISM)
    os.environ[PARALLELISM] = "false"
    started = time.perf_counter()
    for start in range(0, len(texts), BATCH_SIZE):
        model.preprocess(texts[start : start + BATCH_SIZE])
    seconds = time.perf_counter() - started
    del os.environ[PARALLELISM]
    if before is not None:
        os.environ[PARALLELISM] = before
    return seconds


def timed_forward(work: Work, model: Any, tokens: Sequence[list[int]], budget: int) -> Timed:
    """Time the forward passes over all texts."""
    with sampled(work.device) as samples:
        started = time.perf_counter()
        vectors = forward(model, tokens, budget, work.device)
        return Timed(time.perf_counter() - started, vectors, busy(samples))


def tokenized(work: Work, length: int) -> list[list[int]]:
    """The ids of each text's tokens, by `tokenizers` on all cores."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file(work.folder)))
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(work.texts)]


def forward(model: Any, tokens: Sequence[list[int]], budget: int, device: str) -> Floats:
    """Vectors of tokenized texts: [n_texts, dim] float32. `budget` is the most tokens of a batch, with padding."""
    import torch

    order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
    batches, start = [], 0
    with torch.inference_mode():
        while start < len(order):
            width = len(tokens[order[start]])
            rows = order[start : start + max(1, budget // width)]
            mask = np.arange(width) < np.array([[len(tokens[row])] for row in rows])
            ids = np.zeros(mask.shape, dtype=np.int64)
            ids[mask] = np.concatenate([tokens[row] for row in rows])
            features = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
            on_device = {name: torch.from_numpy(array).to(device) for name, array in features.items()}
            batches.append(model(on_device)["sentence_embedding"].float())
            start += len(rows)
        gathered = torch.cat(batches).cpu().numpy()
    vectors: Floats = np.empty_like(gathered)
    vectors[order] = gathered
    return vectors


def measure_ours(work: Work, folder: Path, encode_workers: int, bare: Timed) -> bool:
    """(c) with this number of encode workers; returns whether the vectors are those of (a)."""
    import torch

    home = folder / f"home-{encode_workers}"
    settings = Settings(home=home, redis_url=None, encode_workers=encode_workers)
    torch.cuda.empty_cache()  # so that the memory in use is the workers'
    with headless(settings, settings.workers) as instance, sampled(work.device) as samples:
        workspace = instance.workspace
        dataset = catalog.load(workspace, catalog.import_folder(workspace, folder / "made", "made"))
        variant = Variant("minilm", Retrieve(dense=Dense(work.encoder, precision=work.precision)))
        submitted_at = time.time()
        submitted = lifecycle.submit(workspace, Experiment("made", "made", (variant,)), allow_paths=True)
        planned_at = time.time()
        instance.start_workers(submitted)
        reader = progress_reader(workspace)
        while (progress := reader.read(submitted.id)).status in ACTIVE:
            instance.supervisor.require_workers()
            time.sleep(0.25)
        ended_at = time.time()
        if progress.failed or progress.variants[0].error or progress.variants[0].recorded < QUERIES:
            sys.exit(f"the experiment failed: {progress}")
        row = recorded_experiment(workspace.database, submitted.id)
        (spec,) = row.spec.encoders.values()
        shards = Path(workspace.store.url) / vector_folder(spec, "document")
        ended = {path.stem: path.stat().st_mtime for path in shards.glob("*.npy")}
        took = {name: json.loads((shards / f"{name}.json").read_text())["seconds"] for name in ended}
        first, last = min(ended[name] - took[name] for name in ended), max(ended.values())
        n, encoding, wall = len(work.texts), last - first, ended_at - submitted_at
        print(f"  {encode_workers} of {settings.workers} workers encode, jobs: {len(ended)}")
        line("encoding", n, encoding, busy([s for s in samples if first <= s.at <= last]))
        line("wall", n, wall, busy([s for s in samples if s.at >= submitted_at]))
        print(f"    encoding {encoding / bare.seconds:.2f} x bare, wall {wall / bare.seconds:.2f} x bare")
        print(
            f"    planning {planned_at - submitted_at:.1f} s, {first - planned_at:.1f} s to the first shard, "
            f"{ended_at - last:.1f} s after the last"
        )
        print(f"    {sum(took.values()) / encode_workers / encoding:.0%} of the workers' time in `encode`")
        matrix = open_matrix(spec, document_texts(dataset), workspace.store)
        rows = [int(doc_id[1:]) for doc_id in dataset.doc_ids]
        return agreement(matrix, bare.vectors[rows], LOWEST_COSINE[work.precision])


def agreement(ours: Floats, bare: Floats, lowest: float) -> bool:
    """Print how much vectors of the same texts differ; returns whether that can be rounding."""
    cosine, others = cosines(ours, bare), cosines(ours, np.roll(bare, 1, axis=0))
    print(
        f"    vectors against bare: max. difference {np.abs(ours - bare).max():.1e}, min. cosine {cosine.min():.7f} "
        f"(max. of different texts {others.max():.3f})",
        flush=True,
    )
    return bool(cosine.min() >= lowest)


def cosines(one: Floats, other: Floats) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The cosine of each row with the same row of the other: [n] float64."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine: np.ndarray[Any, np.dtype[np.float64]] = np.einsum("ij,ij->i", a, b) / lengths
    return cosine


def start_up(device: str) -> str:
    """What starting PyTorch takes in a process of its own."""
    command = [sys.executable, "-c", START.format(device=device)]
    started = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    whole = time.perf_counter() - started
    torch_, libraries, first = map(float, output.split())
    return (
        f"{whole:.1f} s of imports: PyTorch {torch_:.1f}, sentence-transformers {libraries:.1f}, "
        f"the first tensor on its device {first:.1f}"
    )


def line(what: str, texts: int, seconds: float, busy_: str, more: str = "") -> None:
    """Print one measurement."""
    print(f"    {what:<40} {texts / seconds:9,.0f} {seconds:9.2f}   {busy_:>13}  {more}".rstrip(), flush=True)


def write_dataset(folder: Path, texts: Sequence[str]) -> None:
    """The documents as a dataset, with queries of their first words."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [json.dumps({"_id": f"d{n}", "text": text}) for n, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(corpus))
    asked = [texts[n % len(texts)].split()[:8] for n in range(QUERIES)]
    queries = [json.dumps({"_id": f"q{n}", "text": " ".join(words)}) for n, words in enumerate(asked)]
    (folder / "queries.jsonl").write_text("\n".join(queries))
    judged = "\n".join(f"q{n}\td{n % len(texts)}\t1" for n in range(QUERIES))
    (folder / "qrels" / "test.tsv").write_text(judged)


if __name__ == "__main__":
    main()
