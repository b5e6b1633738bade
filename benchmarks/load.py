"""Load: 50 readers of the REST API and 10 open pages for a minute, over an instance with 200 experiments.

Generates the experiments and their vectors, starts `evaluator up` on loopback, and sends requests: readers one after
the other, sessions one page after the other with a second between them, by the WebSocket of a browser. Three
runs, one after the other. Exits with 1 if anything fails, the median of REST or of a page is over its bound, or the
server's memory grew from the first run's end to the last one's.

    python -m benchmarks.load [--seconds 60] [--runs 3] [--experiments 200] [--readers 50] [--sessions 10] [--pause 0]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.chaos import write_dataset
from benchmarks.hurting import MARKS, Running, instance
from evaluator.domain.cost import Latency, VariantCost
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec
from evaluator.domain.measures.scoring import DEFAULT_MEASURES, JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.records import DatasetRow
from evaluator.domain.result import QueryResult, VariantMeasured
from evaluator.domain.variant import BM25, Dense, Retrieve, Variant
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.store import results
from evaluator.store.status import submit_experiment
from evaluator.workspace.workspace import Workspace

REST_BOUND, PAGE_BOUND = 0.15, 2.0
"""The largest medians, in seconds."""
GROWTH = 50
"""MiB that the server may grow from the end of the first run to the end of the last."""
QUERIES, VARIANTS, ENCODERS, SHARDS = 50, 5, 20, 50
"""Of an experiment; encoders in all, and files of vectors of each."""
THINKING = 1.0
"""Seconds between two pages of a session."""
PAGES = ("experiments", "leaderboard", "compare", "query", "history", "datasets", "workers")


@dataclass
class Seen:
    """The results of one run: seconds by request, and errors."""

    rest: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Start an instance, put load on it, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0, help="seconds between two requests of a reader")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evaluator-load-") as name:
        folder = Path(name)
        write_dataset(folder / "made", QUERIES)
        with Workspace.open_local(Settings(home=folder / "home")) as workspace:
            ids = make(workspace, folder / "made", arguments.experiments)
        with instance(folder / "home", folder / "made", workers=1) as running:
            failed = ask(running, ids, arguments)
    if failed:
        sys.exit("; ".join(failed))


def make(workspace: Workspace, folder: Path, n: int) -> list[str]:
    """Generate finished experiments over one dataset, and vectors of their encoders; returns their ids."""
    dataset = catalog.import_folder(workspace, folder)
    encoders = [
        EncoderSpec(f"made/model-{number}", "transformer", "hub", f"{number:040d}", f"made/model-{number}")
        for number in range(ENCODERS)
    ]
    for encoder in encoders:
        for shard in range(SHARDS):
            name = f"vectors/{encoder.fingerprint}/document/made-{shard:06d}.npy"
            workspace.store.put(name, write_made)
    draw = np.random.default_rng(0)
    return [
        make_experiment(workspace, dataset, f"experiment {number}", encoders[number % ENCODERS], draw)
        for number in range(n)
    ]


def write_made(path: Path) -> None:
    """A file of generated vectors."""
    path.write_bytes(bytes(1000))


def make_experiment(
    workspace: Workspace, dataset: DatasetRow, name: str, encoder: EncoderSpec, draw: np.random.Generator
) -> str:
    """A finished experiment with generated lists and scores; returns its id."""
    dense = Variant("dense", Retrieve(dense=Dense(encoder.name)))
    words = [Variant(f"bm25 {k}", Retrieve(bm25=BM25(0.5 + k / 10))) for k in range(VARIANTS - 1)]
    manifest = dataset.manifest
    spec = ExperimentSpec(
        name=name, dataset=manifest.fingerprint, corpus=manifest.corpus, queries=manifest.queries,
        qrels=manifest.qrels, exclude_self=False, variants=(dense, *words),
        encoders={f"{encoder.name}|float32": encoder}, measures=DEFAULT_MEASURES, depth=100,
    )  # fmt: skip
    submit_experiment(workspace.database, spec, dataset.id, QUERIES)
    docs = tuple(f"d{number}" for number in range(20))
    scores = tuple(float(20 - number) for number in range(20))
    rows = [
        QueryResult(
            spec.id, variant.name, f"q{query}", Ranking(docs, scores),
            {measure: float(value) for measure, value in zip((*spec.measures, JUDGED), draw.random(9), strict=False)},
            0.001,
        )
        for variant in spec.variants
        for query in range(QUERIES)
    ]  # fmt: skip
    latency = Latency(0.001, 0.002, 0.003)
    cost = VariantCost(
        QUERIES, latency, latency, None, None, 1000, 0, None, None, None, None, True, "made up"
    )  # fmt: skip
    results.record(workspace.database, rows)
    results.record(
        workspace.database, [VariantMeasured(spec.id, variant.name, cost) for variant in spec.variants]
    )
    return spec.id


def ask(running: Running, ids: Sequence[str], arguments: argparse.Namespace) -> list[str]:
    """Run all runs; returns the failed checks."""
    failed: list[str] = []
    sizes = []
    for run in range(1, arguments.runs + 1):
        seen = asyncio.run(one_run(running.address, ids, arguments))
        sizes.append(memory(running))
        print(f"run {run}: {len(seen.errors)} errors, server {sizes[-1]:.0f} MiB", flush=True)
        failed += [f"{len(seen.errors)} errors, such as {seen.errors[0]}"] if seen.errors else []
        for kind, found, bound in (("REST", seen.rest, REST_BOUND), ("page", seen.pages, PAGE_BOUND)):
            every = [seconds for times in found.values() for seconds in times]
            if not every:
                continue
            median = statistics.median(every)
            print(
                f"  {kind}: {len(every):,} answers, median {median:.3f} s of {bound} s, {worst(every)}",
                flush=True,
            )
            for name, times in sorted(found.items()):
                print(
                    f"    {name:32} {len(times):6,}  median {statistics.median(times):.3f} s, {worst(times)}"
                )
            if median > bound:
                failed.append(f"run {run}: the median of {kind} is {median:.2f} s")
    if sizes[-1] - sizes[0] > GROWTH:
        failed.append(f"the server grew by {sizes[-1] - sizes[0]:.0f} MiB")
    return failed


def worst(times: Sequence[float]) -> str:
    """The 95th percentile and the maximum, in words."""
    return f"p95 {np.percentile(times, 95):.3f} s, at most {max(times):.3f} s"


def memory(running: Running) -> float:
    """Resident MiB of the server."""
    servers: list[psutil.Process] = running.children(MARKS["server"])
    return sum(process.memory_info().rss for process in servers) / 2**20


async def one_run(address: str, ids: Sequence[str], arguments: argparse.Namespace) -> Seen:
    """Run readers and sessions at once, until the time is over."""
    seen, until = Seen(), time.monotonic() + arguments.seconds
    async with asyncio.TaskGroup() as group:
        for number in range(arguments.readers):
            group.create_task(read(address, ids, random.Random(number), seen, until, arguments.pause))
        for number in range(arguments.sessions):
            group.create_task(browse(address, ids, random.Random(number), seen, until))
    return seen


async def read(
    address: str,
    ids: Sequence[str],
    chance: random.Random,
    seen: Seen,
    until: float,
    pause: float,
) -> None:
    """Send one request after the other, over one connection."""
    host = address.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    while time.monotonic() < until:
        id_ = chance.choice(ids)
        routes = {
            "experiments": "/api/experiments",
            "experiment": f"/api/experiments/{id_}",
            "leaderboard": f"/api/experiments/{id_}/leaderboard",
            "datasets": "/api/datasets",
            "dataset": "/api/datasets/made",
            "vectors": "/api/vectors",
            "health": "/api/health",
            "metrics": "/api/metrics",
        }
        name = chance.choice(list(routes))
        started = time.monotonic()
        writer.write(f"GET {routes[name]} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        status, text = await answer(reader)
        seen.rest[name].append(time.monotonic() - started)
        if status != httpx.codes.OK:
            seen.errors.append(f"{routes[name]}: {status} {text[:200]!r}")
        await asyncio.sleep(pause)
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """An answer's status and content. A full HTTP client would need more CPU time than the server."""
    first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    headers = dict(field.lower().split(": ", 1) for field in fields if field)
    return int(first.split()[1]), await reader.readexactly(int(headers["content-length"]))


async def browse(address: str, ids: Sequence[str], chance: random.Random, seen: Seen, until: float) -> None:
    """Open one page after the other in a session of Streamlit's."""
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(stream, origin=address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[arg-type, list-item]
        while time.monotonic() < until:
            name = chance.choice(PAGES)
            started = time.monotonic()
            problem = await open_page(socket, name, f"experiment={chance.choice(ids)}")
            seen.pages[name].append(time.monotonic() - started)
            if problem:
                seen.errors.append(f"the page {name}: {problem}")
            await asyncio.sleep(THINKING)


async def open_page(socket: ClientConnection, name: str, query: str) -> str | None:
    """Request a page and wait until it is complete; returns any exception that it shows."""
    message = BackMsg()
    message.rerun_script.page_name = "" if name == "leaderboard" else name  # the first page
    message.rerun_script.query_string = query
    await socket.send(message.SerializeToString())
    problem = None
    while True:
        message = ForwardMsg.FromString(bytes(await socket.recv(decode=False)))
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
            problem = message.delta.new_element.exception.message
        elif kind == "page_not_found":
            problem = "there is none of that name"
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return problem


if __name__ == "__main__":
    main()
