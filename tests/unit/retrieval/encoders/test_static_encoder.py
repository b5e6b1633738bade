"""Static encoders without PyTorch: the bits that sentence-transformers gives, or another way to load them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.variant import Dense
from evaluator.errors import EncoderNotFoundError
from evaluator.retrieval.encoders.loading import load_model
from evaluator.retrieval.encoders.opening import AUTOMATIC
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.retrieval.encoders.sentence_transformer import SentenceTransformerEncoder, load_encoder
from evaluator.retrieval.encoders.static_encoder import WEIGHTS, StaticEncoder
from tests.conftest import TOPICS

TEXTS = [*TOPICS, "", " wing  lift ", "翼の揚力", "wing flow " * 400]


@pytest.fixture
def model(static_model: Path, tmp_path: Path) -> Path:
    """A copy of the static model that a test may change."""
    return Path(shutil.copytree(static_model, tmp_path / "model"))


def weights_file(model: Path) -> Path:
    return next(model.rglob("model.safetensors"))


@pytest.mark.parametrize("role", ["query", "document"])
@pytest.mark.parametrize("settings", [{}, {"max_length": 3}, {"query_prompt": "flow: "}])
def test_its_vectors_are_those_of_sentence_transformers_to_the_last_bit(
    static_model: Path, store: ArtifactStore, role: Role, settings: dict[str, object]
) -> None:
    spec = resolve_encoder(Dense(str(static_model), **settings), allow_folders=True)  # type: ignore[arg-type]
    ours, theirs = load_model(spec, store), load_encoder(spec, store, AUTOMATIC)
    assert isinstance(ours, StaticEncoder)
    assert ours.encode(TEXTS, role).tobytes() == theirs.encode(TEXTS, role).tobytes()


def test_weights_in_half_precision_are_read_as_float32(model: Path, store: ArtifactStore) -> None:
    weights = load_file(weights_file(model))[WEIGHTS]
    save_file({WEIGHTS: weights.astype(np.float16)}, weights_file(model))
    spec = resolve_encoder(Dense(str(model)), allow_folders=True)
    ours, theirs = load_model(spec, store), load_encoder(spec, store, AUTOMATIC)
    assert isinstance(ours, StaticEncoder)
    assert ours.encode(TEXTS, "document").tobytes() == theirs.encode(TEXTS, "document").tobytes()


def test_a_model_with_more_modules_is_left_to_sentence_transformers(
    model: Path, store: ArtifactStore
) -> None:
    listed = json.loads((model / "modules.json").read_text())
    normalize = {
        "idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.base.modules.Normalize"
    }  # fmt: skip
    (model / "modules.json").write_text(json.dumps([*listed, normalize]))
    (model / "1_Normalize").mkdir()
    encoder = load_model(resolve_encoder(Dense(str(model)), allow_folders=True), store)
    assert isinstance(encoder, SentenceTransformerEncoder)
    assert np.linalg.norm(encoder.encode(["wing lift"], "query")) == pytest.approx(1.0)


def test_another_precision_is_left_to_sentence_transformers(static_model: Path, store: ArtifactStore) -> None:
    spec = resolve_encoder(Dense(str(static_model), precision="bfloat16"), allow_folders=True)
    assert isinstance(load_model(spec, store), SentenceTransformerEncoder)


@pytest.mark.parametrize("damaged", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_one_sentence(model: Path, store: ArtifactStore, damaged: str) -> None:
    spec = resolve_encoder(Dense(str(model)), allow_folders=True)
    next(model.rglob(damaged)).write_bytes(b"this is damaged")
    with pytest.raises(EncoderNotFoundError, match=f"the encoder '{model}' cannot be loaded: "):
        load_model(spec, store)
