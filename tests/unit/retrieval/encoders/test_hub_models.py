"""Models on the hub: found, or not, with a handful of requests whatever the network does."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download

from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import EncoderNotFoundError, EncodingError, InvalidInputError
from evaluator.jobs.context import WorkerContext
from evaluator.retrieval.encoders import hub as module
from evaluator.retrieval.encoders.hub import SilentHubError, find_model, require_room
from evaluator.retrieval.encoders.loading import load_model
from evaluator.settings import Settings
from tests.hub_server import COMMIT, Hub, hub_with, silent_hub, use_hub
from tests.unit.retrieval.fake_encoder import hash_spec

MODEL = {"modules.json": b"[]", "config.json": b'{"hidden_size": 8}', "model.safetensors": b"weights"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub with one model, and nothing downloaded from it."""
    with hub_with({"organisation/model": MODEL}) as served:
        use_hub(monkeypatch, served.url, tmp_path / "hub")
        yield served


@pytest.mark.parametrize(
    "name", ["organisation/model", "organisation/model@main", f"organisation/model@{COMMIT}"]
)
def test_a_model_is_its_exact_commit_and_only_its_configuration_is_downloaded(hub: Hub, name: str) -> None:
    found = find_model(name)
    assert found.location == f"organisation/model@{COMMIT}"
    assert json.loads((found.folder / "config.json").read_bytes()) == {"hidden_size": 8}
    assert not any("safetensors" in path for path in hub.paths)


def test_a_commit_that_was_downloaded_is_not_asked_for_again(hub: Hub) -> None:
    found = find_model("organisation/model")
    hub.paths.clear()
    assert find_model(f"organisation/model@{COMMIT}") == found
    assert not hub.paths


def test_an_unknown_model_is_one_request(hub: Hub) -> None:
    with pytest.raises(EncoderNotFoundError, match="the hub gave none") as caught:
        find_model("nobody/nothing")
    assert not isinstance(caught.value, SilentHubError)
    assert len(hub.paths) == 1


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (429, SilentHubError, "the hub asks to wait"),
        (500, EncoderNotFoundError, "the hub gave none .*500"),
        (503, EncoderNotFoundError, "the hub gave none .*503"),
    ],
)
def test_a_hub_in_trouble_is_asked_once_and_what_was_downloaded_will_do(
    hub: Hub, status: int, kind: type[Exception], message: str
) -> None:
    """Its library would ask six times, and wait between. Only what concerns all models counts as silence."""
    found = find_model("organisation/model")
    hub.status = status
    hub.paths.clear()
    assert find_model("organisation/model") == found
    with pytest.raises(kind, match=message) as caught:
        find_model("organisation/other")
    assert type(caught.value) is kind
    assert len(hub.paths) == 2


def test_a_hub_that_never_answers_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its library would ask for up to six minutes: 24 s without a name server, 103 s where packets are dropped."""
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    with silent_hub() as hub:
        use_hub(monkeypatch, hub.url, tmp_path)
        with pytest.raises(SilentHubError, match=r"the hub does not answer \(ReadTimeout: timed out\)"):
            find_model("organisation/model")
        assert hub.connections == 1


def test_a_hub_that_refuses_connections_is_said_to_be_silent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    use_hub(monkeypatch, f"http://127.0.0.1:{port}", tmp_path)
    with pytest.raises(SilentHubError, match=r"the hub does not answer .*refused"):
        find_model("organisation/model")


def test_a_silent_hub_is_not_asked(hub: Hub) -> None:
    with pytest.raises(SilentHubError, match="the hub did not answer a moment ago"):
        find_model("organisation/model", silent=True)
    assert not hub.paths
    found = find_model("organisation/model")
    assert find_model("organisation/model", silent=True) == found


def test_a_configuration_that_would_fill_the_disk_is_refused(hub: Hub) -> None:
    hub.sizes = {"config.json": module.MAX_BYTES}
    with pytest.raises(InvalidInputError, match="has 268,435,458 bytes on the hub"):
        find_model("organisation/model")
    assert not any("resolve" in path for path in hub.paths)


LARGE = {
    "config.json": b"{}", "model.safetensors": b"", "pytorch_model.bin": b"", "onnx/model.onnx": b"",
    "README.md": b"",
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "files"),
    [
        (None, {"config.json", "model.safetensors", "README.md"}),
        ("sentence_transformers.models.Transformer", {"config.json", "model.safetensors", "README.md"}),
        ("sentence_transformers.models.WordEmbeddings", set(LARGE)),  # all of its folder is downloaded
        ("theirs.Module", set(LARGE)),
    ],
)
def test_a_model_is_as_large_as_what_loading_may_download(
    hub: Hub, module: str | None, files: set[str]
) -> None:
    modules = {} if module is None else {"modules.json": json.dumps([{"type": module, "path": ""}]).encode()}
    hub.models = {"organisation/large": {**LARGE, **modules}}
    hub.sizes = {name: 1000 * 2**place for place, name in enumerate(LARGE)} | dict.fromkeys(modules, 0)
    size = sum(hub.sizes[name] for name in files)
    require_room("large", "organisation/large", COMMIT, size)
    with pytest.raises(
        InvalidInputError,
        match=f"'large' has {size:,} bytes on the hub, and EVALUATOR_MODEL_LIMIT allows {size - 1:,}; raise",
    ):
        require_room("large", "organisation/large", COMMIT, size - 1)
    assert not any("model" in path.rpartition("/resolve/")[2] for path in hub.paths if "/resolve/" in path)


def test_a_model_for_which_the_disk_has_no_room_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.sizes = {"model.safetensors": 10**18}
    with pytest.raises(EncodingError, match=f"are free in {tmp_path}/hub, where it would be downloaded to"):
        require_room("large", "organisation/model", COMMIT, 10**19)


def test_what_is_downloaded_or_gone_from_the_hub_is_used(hub: Hub) -> None:
    with pytest.raises(InvalidInputError, match="EVALUATOR_MODEL_LIMIT allows 1;"):
        require_room("model", "organisation/model", COMMIT, 1)
    hf_hub_download("organisation/model", "model.safetensors", revision=COMMIT)
    require_room("model", "organisation/model", COMMIT, 1)
    require_room("gone", "organisation/gone", COMMIT, 1)


def test_a_worker_refuses_a_model_that_is_too_large(hub: Hub, tmp_path: Path) -> None:
    spec = hash_spec(source="hub", location=f"organisation/model@{COMMIT}", name="organisation/model")
    settings = Settings(home=tmp_path, model_limit=10)
    with pytest.raises(InvalidInputError, match="and EVALUATOR_MODEL_LIMIT allows 10; "):
        load_model(spec, ArtifactStore(str(tmp_path / "store")), WorkerContext.open(settings).runtime)
    assert not any(path.endswith("safetensors") for path in hub.paths)


def test_a_model_of_too_many_files_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(InvalidInputError, match="has more than 2 files"):
        find_model("organisation/model")


@pytest.mark.parametrize(
    "name",
    [
        "organisation/model@../../../secret",
        "organisation/model@",
        "organisation/model@/etc/hostname",
        "a b",
        "",
    ],
)
def test_what_is_no_name_reaches_neither_the_hub_nor_the_disk(hub: Hub, name: str) -> None:
    """The hub's library makes a path of a revision, and a folder's name of what it reads there."""
    with pytest.raises(EncoderNotFoundError, match="the hub gave none"):
        find_model(name)
    assert not hub.paths
