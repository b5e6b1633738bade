"""Cutting texts into passages: examples by hand, and what holds for every text."""

from __future__ import annotations

import itertools
import time
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.variant import Chunk, Dense
from evaluator.retrieval.encoders.resolve import bundled_folder, resolve_encoder
from evaluator.retrieval.texts.chunking import cut_text, open_cutter, sentence_starts
from evaluator.retrieval.texts.tokens import TokenStarts, tokenizer_starts, word_starts

By = Literal["tokens", "sentences", "structure"]
WAYS: tuple[By, ...] = ("tokens", "sentences", "structure")

GUIDE = """# Guide

Read this first. It is short.

## Install

Run the installer now.
It asks
for nothing at all.

- fast
- safe

## Use

### Deep

Ask one question. Wait for one answer.
"""


def words(text: str, by: By, size: int = 8, overlap: int = 0) -> list[str]:
    """Passages counted in words."""
    return cut_text(text, Chunk(by, size, overlap), word_starts)


def letters(*numbers: int) -> str:
    """One word for each number: w0 w1 ..."""
    return " ".join(f"w{number}" for number in numbers)


def test_windows_of_words() -> None:
    assert words(letters(*range(20)), "tokens") == [
        letters(*range(8)), letters(*range(8, 16)), letters(*range(16, 20))
    ]  # fmt: skip


def test_each_window_repeats_the_end_of_the_one_before() -> None:
    """8 words, 3 of them repeated: windows begin at 0, 5, 10; the third reaches the end."""
    assert words(letters(*range(17)), "tokens", overlap=3) == [
        letters(*range(8)), letters(*range(5, 13)), letters(*range(10, 17))
    ]  # fmt: skip


def test_windows_of_an_encoders_tokens(tmp_path: object) -> None:
    """un ##bel ##ie ##va ##bly , cafes close | . un ...: nothing is lower-cased, no accent lost."""
    spec = resolve_encoder(Dense("all-MiniLM-L6-v2"), allow_folders=False)
    cut = open_cutter(Chunk("tokens", 8, 0), spec, ArtifactStore(str(tmp_path)))
    assert cut("Unbelievably, CAFÉS close. Really?") == ["Unbelievably, CAFÉS close", ". Really?"]


def test_without_an_encoder_windows_are_of_words(tmp_path: object) -> None:
    cut = open_cutter(Chunk("tokens", 8, 0), None, ArtifactStore(str(tmp_path)))
    assert cut(letters(*range(9))) == [letters(*range(8)), "w8"]


def test_whole_sentences() -> None:
    """3 + 4 words fit, 4 more do not; 4 + 2 fit."""
    text = "One two three. Four five six seven. Eight nine ten eleven! Twelve thirteen?"
    assert words(text, "sentences") == [
        "One two three. Four five six seven.", "Eight nine ten eleven! Twelve thirteen?"
    ]  # fmt: skip


def test_whole_sentences_are_repeated() -> None:
    """Of 3 + 4 words the last sentence, of 4, fits within 5, and so on; the sentence of 3 words before it does not."""
    text = "One two three. Four five six seven. Eight nine ten eleven! Twelve thirteen? Last one here."
    assert words(text, "sentences", overlap=5) == [
        "One two three. Four five six seven.",
        "Four five six seven. Eight nine ten eleven!",
        "Eight nine ten eleven! Twelve thirteen?",
        "Twelve thirteen? Last one here.",
    ]
    assert words(text, "sentences", overlap=3)[1] == "Eight nine ten eleven! Twelve thirteen?"


def test_a_sentence_that_is_too_long_is_divided_and_its_end_packed_with_the_next() -> None:
    text = f"Short one. W{letters(*range(10))[1:]}. The next one."
    assert words(text, "sentences") == [
        "Short one.", f"W{letters(*range(8))[1:]}", "w8 w9. The next one."
    ]  # fmt: skip


def test_the_example_of_packing() -> None:
    """See `_Packing`: two sentences fit, the third is divided, and its rest takes up the fourth."""
    assert words("A b. C d. E f g h i j. K.", "sentences", 4) == ["A b. C d.", "E f g h", "i j. K."]


def test_sentences_of_many_scripts() -> None:
    def sentences(text: str) -> list[str]:
        starts = sentence_starts(text)
        return [text[start:end] for start, end in itertools.pairwise(starts)]

    assert sentences("这是第一句。这是第二句！") == ["这是第一句。", "这是第二句！"]
    assert sentences("هذه جملة أولى. وهذه ثانية؟ نعم.") == ["هذه جملة أولى. ", "وهذه ثانية؟ ", "نعم."]
    assert sentences("यह पहला वाक्य है। यह दूसरा है।") == ["यह पहला वाक्य है। ", "यह दूसरा है।"]
    assert sentences("🎉🎉 Yes! 🎉 Pi is 3.14 today.") == ["🎉🎉 Yes! ", "🎉 Pi is 3.14 today."]
    assert sentences("Lines may\nbe wrapped.\n\nA title\n\n- item\n1. item\n") == [
        "Lines may\nbe wrapped.\n", "\n", "A title\n", "\n", "- item\n", "1. item\n"
    ]  # fmt: skip


def test_structure() -> None:
    """By hand, in at most 11 words a passage:

    Guide has 29 words, so its sections are looked at apart: what is before the first (7 words, as the heading stays
    with its paragraph), Install (13), Use (9). No two fit together. Install alone does not fit, and falls into its
    blocks: the heading with the paragraph (11) fits, and then the two items.
    """
    assert words(GUIDE, "structure", size=11) == [
        "# Guide\n\nRead this first. It is short.",
        "## Install\n\nRun the installer now.\nIt asks\nfor nothing at all.",
        "- fast\n- safe",
        "## Use\n\n### Deep\n\nAsk one question. Wait for one answer.",
    ]


def test_structure_that_does_not_fit_is_cut_at_sentences() -> None:
    """In 8 words: of Install's paragraph the first sentence stays with the heading, of Use's with both."""
    assert words(GUIDE, "structure") == [
        "# Guide\n\nRead this first. It is short.",
        "## Install\n\nRun the installer now.",
        "It asks\nfor nothing at all.",
        "- fast\n- safe",
        "## Use\n\n### Deep\n\nAsk one question.",
        "Wait for one answer.",
    ]


def test_structure_repeats_whole_sentences() -> None:
    """Up to 3 words: the sentence before the items has 6, both items together 2."""
    assert words(GUIDE, "structure", overlap=3)[2:5] == [
        "It asks\nfor nothing at all.",
        "- fast\n- safe",
        "- fast\n- safe\n\n## Use\n\n### Deep\n\nAsk one question.",
    ]


def test_neighbouring_sections_that_fit_stay_together() -> None:
    text = "# A\n\none two\n\n# B\n\nthree four\n\n# C\n\nfive six"
    assert words(text, "structure") == ["# A\n\none two\n\n# B\n\nthree four", "# C\n\nfive six"]


def test_a_heading_without_a_section_stays_with_nothing() -> None:
    """Four headings of the same level, as a shell script's comments are: each is a section of its own."""
    text = "\n".join(f"# heading {n} here" for n in range(4))
    assert words(text, "structure") == [
        "# heading 0 here\n# heading 1 here", "# heading 2 here\n# heading 3 here"
    ]  # fmt: skip


def test_words_are_not_cut_by_structure() -> None:
    text = "Unbelievably " * 4
    tokens = tokenizer_starts((bundled_folder() / "tokenizer.json").read_bytes())
    assert cut_text(text, Chunk("structure", 8, 0), tokens) == ["Unbelievably"] * 4  # 5 tokens each
    assert cut_text(text, Chunk("tokens", 8, 0), tokens)[0] == "Unbelievably Unbelie"


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize("text", ["", "   ", "\n\t\r\n", "\u3000", "..."])
def test_a_text_without_words_gives_no_passage(by: By, text: str) -> None:
    assert words(text, by) == []


@pytest.mark.parametrize("by", WAYS)
def test_a_text_that_fits_is_one_passage(by: By) -> None:
    assert words("  # Title\n\nOne. Two. \n", by) == ["# Title\n\nOne. Two."]


@pytest.mark.parametrize("by", WAYS)
def test_chinese_is_cut_without_spaces(by: By) -> None:
    """8 words of 我 / 喜欢 / 学习 (with 。) are 2 sentences of 3, or 2 sentences and 2 words."""
    whole = {"tokens": "我喜欢学习。我喜欢学习。我喜欢", "sentences": "我喜欢学习。我喜欢学习。"}
    passages = words("我喜欢学习。" * 20, by)
    assert passages[0] == whole.get(by, whole["sentences"])
    assert "".join(passages) == "我喜欢学习。" * 20


LONG = {
    "markdown": GUIDE * 4_000,
    "chinese": "我喜欢学习。" * 50_000,
    "no end": "x" * 700_000,
    "headings": "# a\n## b\n" * 30_000,
    "emoji": "👨‍👩‍👧" * 60_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_very_long_text_takes_seconds(text: str) -> None:
    started = time.perf_counter()
    passages = words(text, "structure", 256, 32)
    assert time.perf_counter() - started < 30
    assert max(len(word_starts(passage)) for passage in passages) <= 256
    assert text.strip().endswith(passages[-1])


def trained(kind: str) -> TokenStarts:
    """A tokenizer of a family, trained on a few words."""
    if kind == "wordpiece":
        return tokenizer_starts((bundled_folder() / "tokenizer.json").read_bytes())
    corpus = [GUIDE, "Photosynthesis in the morning. 我喜欢机器学习。"] * 3
    if kind == "bytes":  # as GPT-2 and RoBERTa: a space belongs to the word behind it
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        tokenizer.train_from_iterator(
            corpus, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
        )
    else:  # as XLM-R and T5: pieces of words by their likelihood, with a mark for the space before a word
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Replace(" {2,}", " ")
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.train_from_iterator(
            corpus,
            trainers.UnigramTrainer(
                vocab_size=120, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
            ),
        )
    return tokenizer_starts(tokenizer.to_str().encode())


COUNTED: dict[str, TokenStarts] = {
    "words": word_starts, **{kind: trained(kind) for kind in ("wordpiece", "bytes", "unigram")}
}  # fmt: skip

FRAGMENTS = st.sampled_from(
    [
        "# Heading\n", "\n\n", "\n", " ", "  ", "\r\n", "- item\n", "| a | b |\n|---|---|\n", "```\ncode\n```\n",
        "Setext\n===\n", "> ", "    ", "word", "unbelievably", "Photosynthesis", "one. ", "Two! ", "e.g. ", "3.14",
        "我喜欢", "机器学习。", "مرحبا ", "كَتَبَ؟ ", "हिन्दी। ", "🎉", "👨\u200d👩\u200d👧", "e\u0301", "\u0301",
        "\u200b", "\x00", "\x85", "\ufffd", "\u2028", "...", "&amp;",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(FRAGMENTS, max_size=60).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=120),
)
CHUNKS = st.builds(
    Chunk,
    by=st.sampled_from(WAYS),
    size=st.integers(8, 20),
    overlap=st.sampled_from([0, 0, 1, 3, 7]),
)


@pytest.mark.parametrize("counted", COUNTED)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS, chunk=CHUNKS)
@example(text=" Photosynthesis" * 20, chunk=Chunk("tokens", 8, 3))
@example(text="🎉" * 40, chunk=Chunk("tokens", 8, 7))
@example(text="# a\n## b\n" * 10, chunk=Chunk("structure", 8, 7))
@example(
    text="我喜欢" * 3, chunk=Chunk("tokens", 8)
)  # bytes merge across characters: nine tokens begin at the first
def test_every_text(counted: str, text: str, chunk: Chunk) -> None:
    token_starts = COUNTED[counted]
    passages = cut_text(text, chunk, token_starts)
    assert all(passage and passage in text for passage in passages)
    assert all(len(token_starts(passage)) <= chunk.size for passage in passages)
    assert passages == cut_text(text, chunk, token_starts)
    if not len(token_starts(text.strip())):
        assert passages == []
    elif chunk.overlap == 0:
        assert squeezed("".join(passages)) == squeezed(text)
    else:
        assert not uncovered(text, passages)


def squeezed(text: str) -> str:
    """Without white space."""
    return "".join(text.split())


def uncovered(text: str, passages: list[str]) -> str:
    """What is in no passage, white space aside."""
    covered = [letter.isspace() for letter in text]
    for passage in passages:
        start = text.find(passage)
        while start >= 0:
            covered[start : start + len(passage)] = [True] * len(passage)
            start = text.find(passage, start + 1)
    return "".join(letter for letter, done in zip(text, covered, strict=True) if not done)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(9, 200), size=st.integers(8, 30), overlap=st.integers(0, 7))
def test_windows_repeat_exactly_what_is_asked(n: int, size: int, overlap: int) -> None:
    passages = [passage.split() for passage in words(letters(*range(n)), "tokens", size, overlap)]
    for before, after in itertools.pairwise(passages):
        assert len(before) == size
        assert before[size - overlap :] == after[:overlap]
