"""What surrounds a loaded model; the model itself is exercised by the tests marked `model`."""

from __future__ import annotations

import pytest
from huggingface_hub import constants, is_offline_mode

from evaluator.retrieval.encoders.opening import offline


def test_after_a_local_model_the_hub_can_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(RuntimeError, match="broken"), offline():
        assert is_offline_mode()
        raise RuntimeError("a broken model")
    assert not is_offline_mode()
