"""MiniLM with random weights, and made documents: for benchmarks where the published weights are not installed.

Speed does not depend on the values of the weights. The vectors mean nothing, but two ways to compute them must agree.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.retrieval.encoders.saved_model import tokenizer_file

LENGTH = 256
"""Tokens that MiniLM reads of a text."""
VOCABULARY = 30_522
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SYLLABLES = [c + v for c in "bdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "an", "er", "is", "on")]


def save_random_minilm(folder: Path, seed: int = 0) -> None:
    """Save all-MiniLM-L6-v2's architecture with seeded random weights, and a tokenizer of its kind over made words."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
        intermediate_size=1536, max_position_embeddings=512,
    )  # fmt: skip
    torch.manual_seed(seed)
    bert = BertModel(config)
    with torch.no_grad():  # all tokens share this part, which would make all texts alike
        bert.embeddings.token_type_embeddings.weight.zero_()
    names = dict(
        zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=_tokenizer(), model_max_length=512, **names)
    with tempfile.TemporaryDirectory(prefix="evaluator-bench-") as parts:
        bert.save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        modules = [Transformer(parts, max_seq_length=LENGTH), Pooling(384), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)


def _tokenizer() -> Any:
    """A WordPiece tokenizer with BERT's rules, to which each made word is one token."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordPiece

    n = len(SYLLABLES)
    words = [SYLLABLES[i // n**2] + SYLLABLES[i // n % n] + SYLLABLES[i % n] for i in range(VOCABULARY)]
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *words)[:VOCABULARY])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def made_texts(model: Path, n: int, tokens: int, seed: int = 0) -> list[str]:
    """Texts of random words of a model's vocabulary.

    Args:
        model: the folder of a saved model with a WordPiece tokenizer.
        tokens: mean length; the standard deviation is a third of it, and none has less than a tenth.
    """
    file = tokenizer_file(model)
    if file is None:
        raise FileNotFoundError(f"{model} has no tokenizer.json")
    vocabulary = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    words = np.array(
        sorted(word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 2)
    )
    chance = np.random.default_rng(seed)
    lengths = np.clip(chance.normal(tokens, tokens / 3, n), tokens / 10, None).astype(int)
    return [" ".join(chance.choice(words, length)) for length in lengths]
