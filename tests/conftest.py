"""What all tests share: small datasets, a tiny real encoder, Cranfield where it is at hand."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers
from xdist.scheduler import LoadScopeScheduling

from evaluator.store.file.database import Database
from evaluator.urls import forget_secrets
from tests.models import TinyModels, save_tiny_models
from tests.warm.popen import warm_processes

ROOT = Path(__file__).resolve().parents[1]
CRANFIELD = ROOT.parent / "shared" / "data" / "cranfield"

TOPICS = (
    "wing lift in a propeller slipstream",
    "heat transfer through a laminar boundary layer",
    "supersonic flow past a slender cone",
    "panel flutter at high mach numbers",
    "buckling of thin cylindrical shells",
    "separation of flow over a swept wing",
    "shock wave interaction with a boundary layer",
    "viscous drag of a flat plate",
    "expansion of gas in a rocket nozzle",
    "heating of a blunt body during reentry",
)

BEGINNINGS = tuple(" ".join(topic.split()[:3]) for topic in TOPICS)
"""The first three words of each topic, as a query for it."""

# The same examples in every run; `--hypothesis-profile=search` looks for others.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("fixed")
# Nor do examples depend on what else has been imported: hypothesis would read all our modules for constants first.
providers._get_local_constants = lambda: providers._local_constants

WriteDataset = Callable[..., Path]

BROWSER_TESTS = "tests/e2e/"


class FilesTogether(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped here
    """With several processes (`pytest -n 2`), a file's tests stay together.

    So do all browser tests: they share an instance with the demo in it.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return BROWSER_TESTS if file.startswith(BROWSER_TESTS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesTogether:
    """How tests are shared among processes."""
    return FilesTogether(config, log)


@pytest.fixture(scope="session", autouse=True)
def forked_processes() -> Iterator[None]:
    """Commands, workers and servers need no start of their own, unless a test asks for one (`tests.warm`).

    They hear when a terminal is closed, also where `nohup` started the tests.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with warm_processes():
        yield


@pytest.fixture(autouse=True)
def no_secrets() -> None:
    """What an earlier test called a secret may be a word of this one's."""
    forget_secrets()


@pytest.fixture
def write_dataset(tmp_path: Path) -> WriteDataset:
    """Writes a BEIR folder below the test's own, as `write_beir` does."""

    def write(name: str = "tiny", *args: Any, **kwargs: Any) -> Path:
        return write_beir(tmp_path / name, *args, **kwargs)

    return write


def write_beir(
    folder: Path,
    documents: Sequence[str] = TOPICS,
    queries: Sequence[str] = BEGINNINGS,
    qrels: Mapping[int, Mapping[int, int]] | None = None,
) -> Path:
    """Write a BEIR folder: documents and queries as texts, qrels as (query number, document number, grade)."""
    (folder / "qrels").mkdir(parents=True)
    judged = qrels if qrels is not None else {number: {number: 1} for number in range(len(queries))}
    _write(
        folder / "corpus.jsonl", [{"_id": f"d{n}", "title": "", "text": t} for n, t in enumerate(documents)]
    )
    _write(folder / "queries.jsonl", [{"_id": f"q{n}", "text": t} for n, t in enumerate(queries)])
    lines = [f"q{q}\td{d}\t{grade}" for q, grades in judged.items() for d, grade in grades.items()]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n")
    return folder


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="session")
def cranfield() -> Path:
    """The Cranfield collection; it lies beside the repository and is no part of it."""
    if not CRANFIELD.is_dir():
        pytest.skip(f"Cranfield is not at {CRANFIELD}")
    return CRANFIELD


@pytest.fixture(scope="session")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small, real static encoder in a folder: MiniLM's tokenizer, seeded random vectors of 32 dimensions."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    from evaluator.retrieval.encoders.resolve import bundled_folder

    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    weights = torch.randn(tokenizer.get_vocab_size(), 32, generator=torch.Generator().manual_seed(7))
    folder = tmp_path_factory.mktemp("models") / "static-32"
    module = StaticEmbedding(tokenizer, embedding_weights=weights.numpy())
    SentenceTransformer(modules=[module], device="cpu").save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """A small model of every kind, with random weights, in folders."""
    return save_tiny_models(tmp_path_factory.mktemp("tiny-models"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which nothing is recorded; to copy one takes less than to make one."""
    path = tmp_path_factory.mktemp("database") / "evaluator.duckdb"
    Database(path).close()
    return path


@pytest.fixture
def home(tmp_path: Path, empty_database: Path) -> Path:
    """A home folder with an empty database."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    shutil.copy(empty_database, folder)
    return folder
