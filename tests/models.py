"""Small models of every kind, with seeded random weights, saved as sentence-transformers saves them."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from evaluator.retrieval.encoders.opening import offline

DIMENSIONS = 32
TOKEN_DIMENSIONS = 16
POSITIONS = 64
"""Tokens that the models read; longer texts are cut."""

WORDS = (
    "wing lift in a propeller slipstream heat transfer through laminar boundary layer supersonic flow past slender "
    "cone panel flutter at high mach numbers buckling of thin cylindrical shells separation over swept shock wave"
)
VOCABULARY = tuple(
    dict.fromkeys(
        [
            *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
            *string.ascii_lowercase,
            *string.digits,
            *string.punctuation,
            *(f"##{letter}" for letter in string.ascii_lowercase + string.digits),
            *WORDS.split(),
        ]
    )
)


@dataclass(frozen=True)
class TinyModels:
    """Folders of saved models: BERT with 2 layers and 32 dimensions under each kind of head.

    Attributes:
        dense: mean pooling; the prompts are `query: ` and none.
        sparse: SPLADE.
        late: a vector of 16 dimensions for each token, none for punctuation in documents.
        cross: one logit a pair.
    """

    dense: Path
    sparse: Path
    late: Path
    cross: Path


def save_tiny_models(folder: Path) -> TinyModels:
    """Make and save one model of each kind."""
    from sentence_transformers import CrossEncoder, MultiVectorEncoder, SentenceTransformer, SparseEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder.modules import SpladePooling
    from torch.nn import Identity
    from transformers import BertForMaskedLM, BertForSequenceClassification, BertModel

    models = TinyModels(folder / "dense", folder / "sparse", folder / "late", folder / "cross")
    with offline():
        bert = str(_save_bert(BertModel, folder / "bert"))
        masked = str(_save_bert(BertForMaskedLM, folder / "masked"))
        classifier = str(_save_bert(BertForSequenceClassification, folder / "classifier", num_labels=1))
        dense = SentenceTransformer(
            modules=[Transformer(bert), Pooling(DIMENSIONS, "mean")],
            device="cpu",
            prompts={"query": "query: "},
        )
        sparse = SparseEncoder(
            modules=[Transformer(masked, transformer_task="fill-mask"), SpladePooling()], device="cpu"
        )
        projection = Dense(
            DIMENSIONS,
            TOKEN_DIMENSIONS,
            bias=False,
            activation_function=Identity(),
            module_input_name="token_embeddings",
        )
        mask = MultiVectorMask(skiplist_words=list(string.punctuation))
        unit = Normalize(module_input_name="token_embeddings")
        late = MultiVectorEncoder(modules=[Transformer(bert), projection, mask, unit], device="cpu")
        cross = CrossEncoder(classifier, device="cpu")
        for model, path in ((dense, models.dense), (sparse, models.sparse), (late, models.late)):
            model.save(str(path), create_model_card=False)
        cross.save(str(models.cross), create_model_card=False)
    return models


def _save_bert(kind: type, folder: Path, **config: int) -> Path:
    """A small BERT whose weights are large enough to tell texts apart, and its tokenizer."""
    import torch
    from transformers import BertConfig, BertTokenizerFast

    torch.manual_seed(7)
    model = kind(
        BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=DIMENSIONS,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=2 * DIMENSIONS,
            max_position_embeddings=POSITIONS,
            initializer_range=0.3,
            **config,
        )
    )
    model.save_pretrained(folder)
    BertTokenizerFast(vocab={word: number for number, word in enumerate(VOCABULARY)}).save_pretrained(folder)
    return folder
