"""The parts of `benchmarks.device` that decide its exit code and its work."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.device import agreement
from benchmarks.minilm import made_texts


def test_vectors_agree_if_they_differ_by_rounding_alone(capsys: pytest.CaptureFixture[str]) -> None:
    bare = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    assert agreement(bare + np.float32(1e-7), bare, 0.99999)
    assert "min. cosine 1.0000000" in capsys.readouterr().out


def test_vectors_of_other_texts_do_not_agree() -> None:
    bare = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    assert not agreement(bare[::-1], bare, 0.99999)


def test_one_wrong_vector_among_many_is_found() -> None:
    bare = np.eye(100, dtype=np.float32)
    ours = bare.copy()
    ours[42, 43] = 0.1  # cosine 1 / sqrt(1.01) = 0.995
    assert not agreement(ours, bare, 0.99999)


def test_made_texts_are_seeded_and_of_about_the_requested_length(tmp_path: Path) -> None:
    vocabulary = {
        word: number for number, word in enumerate(("[PAD]", "##ing", "an", "red", "green", "blue"))
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    texts = made_texts(tmp_path, 200, 50)
    assert texts == made_texts(tmp_path, 200, 50) != made_texts(tmp_path, 200, 50, seed=1)
    assert {word for text in texts for word in text.split()} == {"red", "green", "blue"}
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) >= 5
    assert 45 < sum(lengths) / len(lengths) < 55
