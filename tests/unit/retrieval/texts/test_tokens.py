"""In what passages are counted."""

from __future__ import annotations

import itertools
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.variant import Dense
from evaluator.errors import EncoderNotFoundError, EncodingError
from evaluator.retrieval.encoders.opening import distilled_name
from evaluator.retrieval.encoders.resolve import bundled_folder, resolve_encoder
from evaluator.retrieval.texts.tokens import PIECE, TokenStarts, open_tokens, tokenizer_starts, word_starts
from tests.unit.retrieval.fake_encoder import hash_spec

SENTENCE = "Unbelievably, CAFÉS close."
"""WordPiece: un ##bel ##ie ##va ##bly , cafes close . """


def parts(text: str, starts: TokenStarts) -> list[str]:
    """The text between the beginnings of tokens."""
    places = [*starts(text).tolist(), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", ["Hello, ", "world!"]),
        ("It isn't well-known: 3.5 km", ["It ", "isn't ", "well-", "known: ", "3.5 ", "km"]),
        ("我喜欢机器学习。", ["我", "喜欢", "机器", "学习。"]),
        ("สวัสดีชาวโลก", ["สวัสดี", "ชาว", "โลก"]),
        ("كَتَبَ الدَّرْسَ", ["كَتَبَ ", "الدَّرْسَ"]),
        ("e\u0301tude हिन्दी", ["e\u0301tude ", "हिन्दी"]),
        ("👨‍👩‍👧 and 🎉", ["👨‍👩‍👧 ", "and ", "🎉"]),
        ("“Quoted” – dash ...\n\n## Heading", ["“Quoted” ", "– dash ", "...\n\n## Heading"]),
        ("... -- !?", []),
        ("", []),
    ],
)
def test_words_are_unicodes(text: str, words: list[str]) -> None:
    assert parts(text, word_starts) == words
    assert parts(text, open_tokens(None, ArtifactStore("memory://words"))) == words


def test_tokens_are_where_the_tokenizer_finds_them() -> None:
    starts = tokenizer_starts((bundled_folder() / "tokenizer.json").read_bytes())
    assert parts(SENTENCE, starts) == ["Un", "bel", "ie", "va", "bly", ", ", "CAFÉS ", "close", "."]


def test_a_long_text_is_counted_whole() -> None:
    """The bundled tokenizer.json asks to cut after 128 tokens; a text of several pieces is counted to its end."""
    starts = tokenizer_starts((bundled_folder() / "tokenizer.json").read_bytes())
    text = "close " * 30_000
    assert len(list(PIECE.finditer(text))) == 3
    assert starts(text).tolist() == list(range(0, 6 * 30_000, 6))


def test_tokens_of_one_character_begin_together() -> None:
    """Without merges each byte is a token: é has two, 🎉 four."""
    tokenizer = Tokenizer(
        models.BPE({letter: n for n, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    starts = tokenizer_starts(tokenizer.to_str().encode())
    assert starts("aé🎉b").tolist() == [0, 1, 1, 2, 2, 2, 2, 3]


def test_the_bundled_model_counts_in_its_tokens(tmp_path: Path) -> None:
    spec = resolve_encoder(Dense("all-MiniLM-L6-v2"), allow_folders=False)
    starts = open_tokens(spec, ArtifactStore(str(tmp_path)))
    assert len(starts(SENTENCE)) == 9


def folder_spec(folder: Path) -> EncoderSpec:
    """The bundled model's configuration and tokenizer, somewhere else, as the resolver gives it."""
    folder.mkdir()
    for name in ("modules.json", "config.json", "tokenizer.json"):
        shutil.copy(bundled_folder() / name, folder)
    return resolve_encoder(Dense(str(folder)), allow_folders=True)


def test_a_tokenizer_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    spec = folder_spec(tmp_path / "model")
    store = ArtifactStore(str(tmp_path / "store"))
    assert len(open_tokens(spec, store)(SENTENCE)) == 9
    (tmp_path / "model/tokenizer.json").write_text("{}")
    with pytest.raises(EncoderNotFoundError, match="is not the one that the experiment was submitted"):
        open_tokens(spec, store)
    (tmp_path / "model/tokenizer.json").unlink()
    with pytest.raises(EncoderNotFoundError, match="put the model back"):
        open_tokens(spec, store)


def test_a_distilled_model_counts_in_its_own_tokens(tmp_path: Path) -> None:
    """Its tokenizer lies in the artifact; in the teacher's folder there is nothing."""
    store = ArtifactStore(str(tmp_path / "store"))
    spec = hash_spec(source="distilled", kind="static", weights="recipe", tokenizer="recipe")

    def write(path: Path) -> None:
        with tarfile.open(path, "w") as archive:
            archive.add(bundled_folder() / "tokenizer.json", "tokenizer.json")

    store.put(distilled_name(spec), write)
    assert len(open_tokens(spec, store)(SENTENCE)) == 9


def test_a_model_of_the_hub_counts_in_its_own_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the hub's cache, of the very revision; what is not there is a failure that may pass."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--organisation--model/snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "modules.json").write_text(json.dumps([{"path": "0_StaticEmbedding", "type": ""}]))
    (snapshot / "0_StaticEmbedding").mkdir()
    shutil.copy(bundled_folder() / "tokenizer.json", snapshot / "0_StaticEmbedding")
    tokenizer = resolve_encoder(Dense("all-MiniLM-L6-v2"), allow_folders=False).tokenizer
    store = ArtifactStore(str(tmp_path / "store"))
    spec = hash_spec(source="hub", location=f"organisation/model@{commit}", tokenizer=tokenizer)
    assert len(open_tokens(spec, store)(SENTENCE)) == 9
    with pytest.raises(EncodingError, match="the hub does not give the tokenizer of 'hash'"):
        open_tokens(hash_spec(source="hub", location="organisation/other@main", tokenizer=tokenizer), store)
