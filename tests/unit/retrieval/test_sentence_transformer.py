"""What surrounds a loaded model; the model itself is exercised by the tests marked `model`."""

from __future__ import annotations

import numpy as np
import pytest
from huggingface_hub import constants, is_offline_mode

from evaluator.errors import EncodingError
from evaluator.retrieval.encoders.sentence_transformer import offline, unit_rows


def test_rows_are_scaled_to_length_one() -> None:
    vectors = np.array([[3, 4], [0, 2]], dtype=np.float32)
    assert unit_rows(vectors, ["a", "b"], "toy").tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 1],
    ]


def test_a_zero_vector_stays_zero() -> None:
    assert unit_rows(np.zeros((1, 2), dtype=np.float32), [""], "toy").tolist() == [[0, 0]]


def test_a_vector_that_is_not_finite_is_not_made_zero() -> None:
    with pytest.raises(EncodingError, match="toy gave a vector that is not finite for the text 'b'"):
        unit_rows(np.array([[1, 0], [np.nan, 0]], dtype=np.float32), ["a", "b"], "toy")


def test_after_a_local_model_the_hub_can_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(RuntimeError, match="broken"), offline():
        assert is_offline_mode()
        raise RuntimeError("a broken model")
    assert not is_offline_mode()
