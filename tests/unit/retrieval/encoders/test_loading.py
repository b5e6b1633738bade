"""Models of every kind through the real loading code: length, prompts, precision, device, and code of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import ModelStage
from evaluator.domain.variant import CrossEncoder, Dense, Late, Sparse
from evaluator.errors import EncoderNotFoundError, EncodingError, InvalidInputError
from evaluator.retrieval.encoders import hub
from evaluator.retrieval.encoders.loading import load_model
from evaluator.retrieval.encoders.opening import Runtime
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.retrieval.encoders.sentence_transformer import SentenceTransformerEncoder
from tests.hub_server import COMMIT, silent_hub, use_hub
from tests.models import DIMENSIONS, POSITIONS, TOKEN_DIMENSIONS, VOCABULARY, TinyModels

LONG = "wing flow " * 100
"""More tokens than the models read."""


@pytest.fixture
def load(store: ArtifactStore) -> Any:
    """Resolves and loads a stage's model."""

    def load(stage: ModelStage, *runtime: Runtime) -> Any:
        return load_model(resolve_encoder(stage, allow_folders=True), store, *runtime)

    return load


def test_every_kind_gives_what_it_should(load: Any, tiny_models: TinyModels) -> None:
    texts = ["wing lift, a cone", "", "翼の揚力", LONG]
    assert load(Dense(str(tiny_models.dense))).encode(texts, "document").shape == (4, DIMENSIONS)
    assert load(Sparse(str(tiny_models.sparse))).encode(texts, "document").shape == (4, len(VOCABULARY))
    late = load(Late(str(tiny_models.late)))
    # [CLS] wing lift (,) a cone [SEP]: a document's comma has no vector, a query's has one.
    # Each Chinese character is a token of its own; a hiragana word that nobody knows is one.
    shapes = [vectors.shape for vectors in late.encode(texts, "document")]
    assert shapes == [(n, TOKEN_DIMENSIONS) for n in (6, 2, 6, POSITIONS)]
    assert len(late.encode(texts, "query")[0]) == 7
    assert load(CrossEncoder(str(tiny_models.cross))).score("wing", texts).shape == (4,)


@pytest.mark.parametrize("kind", ["dense", "sparse", "late"])
def test_a_longer_text_is_cut_where_the_stage_says(load: Any, tiny_models: TinyModels, kind: str) -> None:
    """Of 8 tokens two are [CLS] and [SEP]: six words are read."""
    stage = {"dense": Dense, "sparse": Sparse, "late": Late}[kind]
    model = load(stage(str(getattr(tiny_models, kind)), max_length=8))
    cut, long = (model.encode([text], "document") for text in ("wing flow " * 3, LONG))
    assert np.allclose(cut[0] if kind == "late" else cut.sum(0), long[0] if kind == "late" else long.sum(0))


@pytest.mark.parametrize(("kind", "around"), [("dense", 2), ("sparse", 2), ("late", 2), ("cross", 3)])
def test_a_length_that_leaves_no_room_for_a_text_is_refused(
    load: Any, tiny_models: TinyModels, kind: str, around: int
) -> None:
    """[CLS] and [SEP] are two tokens; with fewer, the library cuts nothing."""
    stage = {"dense": Dense, "sparse": Sparse, "late": Late, "cross": CrossEncoder}[kind]
    folder = str(getattr(tiny_models, kind))
    for length in (1, around):
        with pytest.raises(
            InvalidInputError, match=f"puts {around} tokens of its own .*give at least {around + 1}"
        ):
            load(stage(folder, max_length=length))
    load(stage(folder, max_length=around + 1))


def test_a_pair_is_cut_where_the_stage_says(load: Any, tiny_models: TinyModels) -> None:
    """[CLS] wing [SEP] (8 words) [SEP] are 12 tokens."""
    scorer = load(CrossEncoder(str(tiny_models.cross), max_length=12))
    scores = scorer.score("wing", ["wing flow " * 4, "wing flow " * 50, "wing flow"])
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    assert scores[0] != pytest.approx(scores[2], abs=1e-5)


def test_a_static_encoder_is_cut_too(load: Any, static_model: Path) -> None:
    model = load(Dense(str(static_model), max_length=2))
    assert np.array_equal(*(model.encode([text], "query") for text in ("wing flow", "wing flow over a cone")))


def test_more_tokens_than_the_model_has_positions_are_refused(load: Any, tiny_models: TinyModels) -> None:
    with pytest.raises(
        InvalidInputError, match="reads 64 tokens of a text at most, so max_length cannot be 65"
    ):
        load(Dense(str(tiny_models.dense), max_length=65))


def test_the_stages_prompt_counts_also_an_empty_one(load: Any, tiny_models: TinyModels) -> None:
    """The model's own prompt is `query: ` for queries, and none for documents."""
    folder = str(tiny_models.dense)
    own, none, other = (load(Dense(folder, query_prompt=prompt)) for prompt in (None, "", "flow "))

    def vector(model: SentenceTransformerEncoder, text: str) -> Any:
        return model.encode([text], "query")[0]

    assert np.allclose(vector(own, "wing"), vector(none, "query: wing"), atol=1e-6)
    assert np.allclose(vector(other, "wing"), vector(none, "flow wing"), atol=1e-6)
    assert not np.allclose(vector(own, "wing"), vector(none, "wing"), atol=1e-2)
    assert np.allclose(own.encode(["wing"], "document"), none.encode(["wing"], "query"), atol=1e-6)


@pytest.mark.parametrize("kind", ["dense", "sparse", "late", "cross"])
def test_lower_precision_gives_nearly_the_same_in_float32(
    load: Any, tiny_models: TinyModels, kind: str
) -> None:
    stages: dict[str, Any] = {"dense": Dense, "sparse": Sparse, "late": Late, "cross": CrossEncoder}
    results = []
    for precision in ("float32", "bfloat16"):
        model = load(stages[kind](str(getattr(tiny_models, kind)), precision))
        given = model.score("wing", ["flow"]) if kind == "cross" else model.encode(["wing flow"], "query")
        results.append(given[0] if kind == "late" else given.toarray() if kind == "sparse" else given)
    full, half = results
    assert full.dtype == half.dtype == np.float32
    assert np.allclose(full, half, atol=0.15)
    assert not np.array_equal(full, half)


def test_weights_saved_in_half_precision_compute_in_the_stages(
    load: Any, tiny_models: TinyModels, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    half = SentenceTransformer(str(tiny_models.dense), device="cpu").half()
    half.save(str(tmp_path / "half"), create_model_card=False)
    vectors = load(Dense(str(tmp_path / "half"))).encode(["wing"], "query")
    assert np.any(vectors != vectors.astype(np.float16))  # computed in float32


def test_the_operators_device_is_used(load: Any, tiny_models: TinyModels) -> None:
    import torch

    stage = Dense(str(tiny_models.dense))
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert load(stage, Runtime())._model.device.type == expected
    assert load(stage, Runtime(device="cpu"))._model.device.type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(EncoderNotFoundError, match="cannot be loaded"):
            load(stage, Runtime(device="cuda"))


CODE = """
from pathlib import Path

from sentence_transformers.sentence_transformer.modules import Pooling

Path({trace!r}).write_text("ran")


class Custom(Pooling):
    pass
"""


@pytest.fixture
def with_code(tiny_models: TinyModels, tmp_path: Path) -> Path:
    """A model whose second module is a class of its own; loading it leaves the file `trace`."""
    folder = shutil.copytree(tiny_models.dense, tmp_path / "with-code")
    (folder / "custom.py").write_text(CODE.format(trace=str(tmp_path / "trace")))
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = "custom.Custom"
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


def test_a_model_that_needs_code_of_its_own_is_refused(load: Any, with_code: Path, tmp_path: Path) -> None:
    for trusted in ((), (str(with_code.parent),), (f"{with_code}-2",)):
        with pytest.raises(InvalidInputError, match=r"needs code of its own \(custom\.Custom\)") as caught:
            load(Dense(str(with_code)), Runtime(trusted=trusted))
        assert f'EVALUATOR_TRUST_REMOTE_CODE to ["{with_code}"]' in str(caught.value)
    assert not (tmp_path / "trace").exists()


def test_the_operator_may_allow_that_very_model(
    load: Any, with_code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    model = load(Dense(str(with_code)), Runtime(trusted=("organisation/other@1", str(with_code))))
    assert model.encode(["wing"], "query").shape == (1, DIMENSIONS)
    assert (tmp_path / "trace").read_text() == "ran"


def test_an_architecture_of_its_own_is_refused(load: Any, tiny_models: TinyModels, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_models.cross, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "novel", "auto_map": {"AutoConfig": "novel.NovelConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InvalidInputError, match=r"needs code of its own \(novel\.NovelConfig\)"):
        load(CrossEncoder(str(folder)))


def test_an_architecture_that_the_library_has_runs_without_the_models_code(
    load: Any, tiny_models: TinyModels, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_models.dense, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling.Model"}  # of a time before the library had it
    (folder / "config.json").write_text(json.dumps(config))
    assert load(Dense(str(folder))).encode(["wing"], "query").shape == (1, DIMENSIONS)


@pytest.mark.parametrize("whole", [True, False])
def test_a_hub_that_never_answers_is_asked_once_and_what_was_downloaded_will_do(
    store: ArtifactStore,
    tiny_models: TinyModels,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    """Its library would keep the worker for minutes, or for ever."""
    snapshot = tmp_path / "models--organisation--model/snapshots" / COMMIT
    without_weights = shutil.ignore_patterns() if whole else shutil.ignore_patterns("*.safetensors")
    shutil.copytree(tiny_models.dense, snapshot, ignore=without_weights)
    monkeypatch.setattr(hub, "TIMEOUT", 0.2)
    with silent_hub() as silent:
        use_hub(monkeypatch, silent.url, tmp_path)
        spec = resolve_encoder(Dense(f"organisation/model@{COMMIT}"), allow_folders=False)
        if whole:
            assert load_model(spec, store).encode(["wing"], "query").shape == (1, DIMENSIONS)
        else:
            with pytest.raises(EncodingError, match="was not downloaded whole, and the hub does not answer"):
                load_model(spec, store)
        assert silent.connections == 1
