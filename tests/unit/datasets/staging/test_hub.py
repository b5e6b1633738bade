"""Datasets by their id, offline: the real libraries, on local stand-ins of what a hub has."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging import hub
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.hub import HubReference, fetch, write_hugging_face
from evaluator.domain.dataset import Document, Judgment, Query
from evaluator.errors import DatasetError
from tests.hub_server import silent_hub, use_hub

CARD = """---
configs:
- config_name: corpus
  data_files:
  - split: corpus
    path: corpus/*.parquet
- config_name: queries
  data_files:
  - split: queries
    path: queries/*.parquet
- config_name: default
  data_files:
  - split: train
    path: qrels/train.parquet
  - split: test
    path: qrels/test.parquet
---
"""


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, and nothing written outside of the test's folder."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))


def write_parquet(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture
def on_hub(tmp_path: Path) -> Path:
    """A retrieval dataset as the hub's benchmarks have it: a configuration for each part."""
    folder = tmp_path / "org/bread"
    write_parquet(folder / "corpus/0.parquet", [{"_id": "d1", "title": "A", "text": "a b"}])
    write_parquet(folder / "queries/0.parquet", [{"_id": "q1", "text": "what is a"}])
    write_parquet(folder / "qrels/train.parquet", [{"query-id": "q1", "corpus-id": "d1", "score": 0}])
    write_parquet(folder / "qrels/test.parquet", [{"query-id": "q1", "corpus-id": "d1", "score": 2}])
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fetched").mkdir()
    return tmp_path / "fetched"


def rows(folder: Path) -> tuple[list[Any], list[Any], list[Any]]:
    recognised = recognise(folder)
    assert recognised.problems == ()
    assert recognised.reading is not None
    source = open_source(folder, recognised.reading)
    parts = (source.documents(), source.queries(), source.judgments())
    documents, queries, judgments = ([row for _, row in part] for part in parts)
    return documents, queries, judgments


class TestHuggingFace:
    def test_every_configuration_of_a_retrieval_dataset(self, on_hub: Path, folder: Path) -> None:
        write_hugging_face(HubReference(str(on_hub)), folder)
        assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")) == [
            "corpus/corpus.parquet", "default/test.parquet", "default/train.parquet", "queries/queries.parquet",
        ]  # fmt: skip
        assert rows(folder) == (
            [Document("d1", "A", "a b")],
            [Query("q1", "what is a")],
            [Judgment("q1", "d1", 2)],
        )

    def test_one_table_of_questions_and_passages(self, tmp_path: Path, folder: Path) -> None:
        pairs = [
            {"question": "what is a", "context": "a is b"},
            {"question": "and b then", "context": "a is b"},
        ]
        write_parquet(tmp_path / "pairs/data/train.parquet", pairs)  # type: ignore[arg-type]
        write_hugging_face(HubReference(str(tmp_path / "pairs")), folder)
        assert list(map(len, rows(folder))) == [1, 2, 2]

    def test_several_configurations_of_something_else(self, on_hub: Path, folder: Path) -> None:
        card = CARD.replace("config_name: corpus", "config_name: de").replace(
            "config_name: queries", "config_name: en"
        )
        (on_hub / "README.md").write_text(card)
        with pytest.raises(DatasetError, match=r"has the configurations de, en, default; name one: hf:.*/de"):
            write_hugging_face(HubReference(str(on_hub)), folder)
        write_hugging_face(HubReference(str(on_hub), "de"), folder)
        assert [path.name for path in folder.iterdir()] == ["de"]

    @pytest.mark.parametrize("config", ["..", "."])
    def test_a_configuration_that_leads_out_of_the_folder(
        self, on_hub: Path, folder: Path, config: str
    ) -> None:
        (on_hub / "README.md").write_text(CARD.replace("config_name: corpus", f'config_name: "{config}"'))
        with pytest.raises(DatasetError, match="which names no folder; name another one"):
            write_hugging_face(HubReference(str(on_hub), config), folder)
        assert list(folder.iterdir()) == list(folder.parent.glob("*.parquet")) == []

    def test_a_dataset_that_cannot_be_fetched(self, folder: Path) -> None:
        with pytest.raises(
            DatasetError, match=r"^hf:no/such@main cannot be fetched \(.*check the id and the network"
        ):
            fetch("hf:no/such@main", folder)

    def test_a_hub_that_never_answers_gets_a_single_request(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its libraries would ask for minutes."""
        monkeypatch.setattr(hub, "TIMEOUT", 0.2)
        with silent_hub() as silent:
            use_hub(monkeypatch, silent.url, tmp_path / "hub")
            with pytest.raises(
                DatasetError, match=r"cannot be fetched \(ReadTimeout: timed out\); check the id and"
            ):
                fetch("hf:org/name", folder)
            assert silent.connections == 1

    def test_code_in_a_dataset_never_runs(self, tmp_path: Path, folder: Path) -> None:
        (tmp_path / "evil").mkdir()
        (tmp_path / "evil/evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        with pytest.raises((RuntimeError, OSError, ValueError)):
            write_hugging_face(HubReference(str(tmp_path / "evil")), folder)
        assert not (tmp_path / "ran").exists()


class Note(NamedTuple):
    doc_id: str
    title: str
    text: str

    def default_text(self) -> str:
        return f"{self.title} {self.text}"


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A dataset registered with ir_datasets, read from local files by its own handlers."""
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "ir_datasets"))
    import ir_datasets
    from ir_datasets.formats import BaseDocs, TrecQrels, TsvQueries
    from ir_datasets.util import LocalDownload

    class Notes(BaseDocs):  # type: ignore[misc]
        def docs_iter(self) -> Iterator[Note]:
            yield from (Note("d1", "A", "a b"), Note("d2", "", "c"))

        def docs_cls(self) -> type[Note]:
            return Note

    (tmp_path / "queries.tsv").write_text("q1\twhat is a\n")
    (tmp_path / "qrels").write_text("q1 0 d1 2\n")
    queries = TsvQueries(LocalDownload(tmp_path / "queries.tsv"), lang="en")
    qrels = TrecQrels(LocalDownload(tmp_path / "qrels"), {0: "no", 2: "yes"})
    ir_datasets.registry.register("bread", ir_datasets.Dataset(Notes()))
    ir_datasets.registry.register("bread/test", ir_datasets.Dataset(Notes(), queries, qrels))
    yield "bread/test"
    for name in ("bread", "bread/test"):
        del ir_datasets.registry._registered[name]


class TestIrDatasets:
    def test_a_dataset_is_written_as_beir(self, registered: str, folder: Path) -> None:
        fetch(f"ir_datasets:{registered}", folder)
        first = json.loads((folder / "corpus.jsonl").read_text().splitlines()[0])
        assert first == {"_id": "d1", "title": "A", "text": "a b"}
        assert rows(folder) == (
            [Document("d1", "A", "a b"), Document("d2", "", "c")],
            [Query("q1", "what is a")],
            [Judgment("q1", "d1", 2)],
        )

    def test_a_corpus_without_queries(self, registered: str, folder: Path) -> None:
        with pytest.raises(DatasetError, match="ir_datasets:bread has no queries; name one of its subsets"):
            fetch("ir_datasets:bread", folder)

    def test_an_unknown_id(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("IR_DATASETS_HOME", raising=False)
        with pytest.raises(DatasetError, match=r"^ir_datasets:no/such cannot be fetched \(KeyError"):
            fetch("ir_datasets:no/such", folder)
        assert "IR_DATASETS_HOME" not in os.environ


@pytest.mark.parametrize(
    "reference",
    ["bread", "hf:", "hf:squad/../x", "hf:a", "hf:../x", "ir_datasets:", "ir_datasets:a b", "https://x/y"],
)
def test_other_references_are_refused(reference: str, folder: Path) -> None:
    with pytest.raises(DatasetError, match="names no dataset; write hf:org/name"):
        fetch(reference, folder)
