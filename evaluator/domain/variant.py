"""Variants: declarative retrieval pipelines.

The dataclasses have the structure of the experiment file. Optional fields that are None do not affect a fingerprint, so
new stages and options can be added without changing existing fingerprints.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Len, Predicate

from evaluator.domain.fingerprint import canonical_json, fingerprint
from evaluator.domain.printable import is_one_line

Precision = Literal["float32", "float16", "bfloat16"]
Tokenizer = Literal["icu-1", "icu-bigrams-1", "regex"]
Stemmer = Literal[
    "auto", "none", "arabic", "armenian", "basque", "catalan", "czech", "danish", "dutch", "english", "esperanto",
    "estonian", "finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian",
    "lithuanian", "nepali", "norwegian", "persian", "polish", "portuguese", "romanian", "russian", "serbian",
    "spanish", "swedish", "tamil", "turkish", "yiddish",
]  # fmt: skip
StopWords = Literal[
    "auto", "none", "danish", "dutch", "english", "french", "german", "italian", "norwegian", "portuguese", "russian",
    "spanish", "swedish", "turkish",
]  # fmt: skip

PRINTABLE = Predicate(is_one_line)
"""No control characters, because these names are shown everywhere."""
Name = Annotated[str, Len(1, 200), PRINTABLE]
Prompt = Annotated[str, Len(0, 2000)]

MAX_NAME = 80
"""Maximum characters of a variant's name."""
SAFE_NAME = re.compile(r"(?![. ])[A-Za-z0-9._+ -]*(?<! )")
"""Valid names of variants; a name is also used for a file (`<variant>.run`)."""


@dataclass(frozen=True)
class Chunk:
    """Divide documents into passages; a document's score is computed from its passages' scores.

    Attributes:
        by: `tokens`: windows of equal size; `sentences`: whole sentences up to the size; `structure`: headings,
            then paragraphs, then sentences, the largest unit that fits.
        size: maximum tokens of a passage, by the encoder's own tokenizer; words without a tokenizer.
        overlap: tokens that a passage repeats from the previous one.
        score: a document's score: that of its best passage, or the mean or sum of its best `top` passages.
        top: number of passages that count for `mean` and `sum`.
    """

    by: Literal["tokens", "sentences", "structure"] = "tokens"
    size: Annotated[int, Ge(8), Le(8192)] = 256
    overlap: Annotated[int, Ge(0)] = 0
    score: Literal["max", "mean", "sum"] = "max"
    top: Annotated[int, Ge(1), Le(1000)] = 3

    def __post_init__(self) -> None:
        if self.overlap >= self.size:
            raise ValueError(f"the overlap {self.overlap} must be smaller than the size {self.size}")


@dataclass(frozen=True)
class BM25:
    """Okapi BM25 over stemmed words (Robertson and Zaragoza, 2009); k1 and b as in Lucene's formula.

    Attributes:
        stemmer, stop_words: a language; `auto` is the corpus's, which replaces it at submission.
        tokenizer: how a text becomes words. None is `regex`, the only one of earlier versions, whose fingerprints hold.
    """

    k1: Annotated[float, Ge(0), Le(1000)] = 0.9
    b: Annotated[float, Ge(0), Le(1)] = 0.4
    stemmer: Stemmer = "english"
    stop_words: StopWords = "english"
    chunk: Chunk | None = None
    tokenizer: Tokenizer | None = None

    def __post_init__(self) -> None:
        if self.tokenizer == "regex":
            object.__setattr__(self, "tokenizer", None)

    @classmethod
    def written(cls, **given: Any) -> BM25:
        """As a person describes it: the newest tokenizer, and the corpus's language where none is given.

        With `regex`, what is not given is as it was when there was no other tokenizer.
        """
        if given.get("tokenizer") is None:
            given["tokenizer"] = "icu-1"
        by_language = {} if given["tokenizer"] == "regex" else {"stemmer": "auto", "stop_words": "auto"}
        return cls(**{**by_language, **given})


@dataclass(frozen=True)
class Dense:
    """Exact search for the documents whose vectors are most similar to the query's.

    Attributes:
        encoder: name of a model, or of one of the experiment's endpoints.
        precision: precision of the model's arithmetic.
        metric: the similarity metric; `cosine` unless given.
        dimensions: number of leading dimensions that are kept of a vector (Matryoshka).
        quantize: keep documents' vectors as bytes or bits.
        rescore: with `quantize`: this many times the depth are rescored with the full vectors.
        max_length: tokens after which a text is truncated; by default the model's own limit.
        query_prompt, document_prompt: prefix of a text; by default the model's own.
    """

    encoder: Name
    precision: Precision = "float32"
    metric: Literal["cosine", "dot", "euclidean"] | None = None
    dimensions: Annotated[int, Ge(1), Le(65_536)] | None = None
    quantize: Literal["int8", "binary"] | None = None
    rescore: Annotated[int, Ge(1), Le(1000)] | None = None
    max_length: Annotated[int, Ge(1), Le(1_000_000)] | None = None
    query_prompt: Prompt | None = None
    document_prompt: Prompt | None = None
    chunk: Chunk | None = None

    def __post_init__(self) -> None:
        if self.rescore is not None and self.quantize is None:
            raise ValueError("rescore is for quantized vectors: set quantize, or leave rescore out")


@dataclass(frozen=True)
class Sparse:
    """Learned sparse retrieval such as SPLADE (Formal et al., SIGIR 2021): inner product of term weights."""

    encoder: Name
    precision: Precision = "float32"
    max_length: Annotated[int, Ge(1), Le(1_000_000)] | None = None
    chunk: Chunk | None = None


@dataclass(frozen=True)
class Late:
    """Late interaction (ColBERT; Khattab and Zaharia, SIGIR 2020): each query token's best match, summed (MaxSim)."""

    encoder: Name
    precision: Precision = "float32"
    max_length: Annotated[int, Ge(1), Le(1_000_000)] | None = None
    chunk: Chunk | None = None


@dataclass(frozen=True)
class Run:
    """Ranked lists that came with the dataset, made elsewhere; `id` is their fingerprint, looked up at submission."""

    name: Name
    id: str | None = None


@dataclass(frozen=True)
class Fuse:
    """One list from several.

    `rrf`: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). `weighted`: the sum of the parts' scores,
    each list normalized first, times its weight (1 unless given); a list contributes 0 for a document that it lacks.
    """

    of: Annotated[tuple[str | Retrieve, ...], Len(2)]
    method: Literal["rrf", "weighted"] = "rrf"
    k: Annotated[float, Gt(0), Le(1_000_000)] = 60.0
    depth: Annotated[int, Ge(1), Le(10_000)] = 100
    weights: tuple[Annotated[float, Ge(0), Le(1_000_000)], ...] | None = None
    normalize: Literal["min-max", "z-score"] | None = None

    def __post_init__(self) -> None:
        if self.method == "rrf" and (self.weights is not None or self.normalize is not None):
            raise ValueError("weights and normalize are for the method weighted")
        if self.weights is not None and len(self.weights) != len(self.of):
            raise ValueError(f"{len(self.of)} parts need as many weights, and here are {len(self.weights)}")


Leaf = BM25 | Dense | Sparse | Late | Run
"""A retriever at the end of a pipeline."""


@dataclass(frozen=True)
class Retrieve:
    """A retriever: exactly one of the fields is set."""

    bm25: BM25 | None = None
    dense: Dense | None = None
    sparse: Sparse | None = None
    late: Late | None = None
    run: Run | None = None
    fuse: Fuse | None = None

    def __post_init__(self) -> None:
        _require_one(self)

    @property
    def stage(self) -> Leaf | Fuse:
        """The one field that is set."""
        stage: Leaf | Fuse = _only_field(self)
        return stage

    def leaves(self) -> Iterator[Leaf]:
        """The retrievers at the ends of the pipeline, left to right. Names must be resolved."""
        stage = self.stage
        if isinstance(stage, Fuse):
            for part in stage.of:
                if isinstance(part, str):
                    raise ValueError(f"the name {part!r} is not resolved")
                yield from part.leaves()
        else:
            yield stage


@dataclass(frozen=True)
class CrossEncoder:
    """Score each pair of query and document with a cross-encoder (Nogueira and Cho, 2019)."""

    model: Name
    precision: Precision = "float32"
    max_length: Annotated[int, Ge(1), Le(1_000_000)] | None = None


@dataclass(frozen=True)
class MMR:
    """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): trade relevance for novelty.

    Attributes:
        encoder: the encoder of the document vectors that measure the similarity of two documents.
        relevance: lambda, from 0 (novelty alone) to 1 (relevance alone).
    """

    encoder: Name
    precision: Precision = "float32"
    relevance: Annotated[float, Ge(0), Le(1)] = 0.5

    @property
    def dense(self) -> Dense:
        """The dense retriever whose vectors MMR needs."""
        return Dense(self.encoder, self.precision)


@dataclass(frozen=True)
class LanguageModel:
    """Let a chat model order the candidates (Sun et al., EMNLP 2023: permutation generation in sliding windows).

    Attributes:
        endpoint: one of the experiment's endpoints.
        prompt: the prompt's fixed name and version.
        window: documents in one request.
        step: ranks by which the window moves towards the top.
        characters: characters of a document in the prompt.
    """

    endpoint: Name
    prompt: Literal["listwise-1"] = "listwise-1"
    window: Annotated[int, Ge(2), Le(100)] = 20
    step: Annotated[int, Ge(1), Le(100)] = 10
    characters: Annotated[int, Ge(50), Le(100_000)] = 1500

    def __post_init__(self) -> None:
        if self.step > self.window:
            raise ValueError(f"the step {self.step} must not be larger than the window {self.window}")


@dataclass(frozen=True)
class Rerank:
    """Rerank the first `depth` candidates; the candidates behind them are left out. One of the other fields is set."""

    cross_encoder: CrossEncoder | None = None
    dense: Dense | None = None
    mmr: MMR | None = None
    llm: LanguageModel | None = None
    depth: Annotated[int, Ge(1), Le(10_000)] = 50

    def __post_init__(self) -> None:
        _require_one(self, besides=("depth",))
        if self.dense is not None and self.dense.chunk is not None:
            raise ValueError("a reranker scores whole documents: leave chunk out")

    @property
    def stage(self) -> CrossEncoder | Dense | MMR | LanguageModel:
        """The one field that is set."""
        stage: CrossEncoder | Dense | MMR | LanguageModel = _only_field(self, besides=("depth",))
        return stage


Stage = Leaf | CrossEncoder | MMR | LanguageModel
"""A stage of a pipeline that reads an index or a model; includes a reranking `Dense`."""


def _only_field(record: Any, besides: tuple[str, ...] = ()) -> Any:
    names = [field.name for field in dataclasses.fields(record) if field.name not in besides]
    return next(value for name in names if (value := getattr(record, name)) is not None)


def _require_one(record: Any, besides: tuple[str, ...] = ()) -> None:
    names = [field.name for field in dataclasses.fields(record) if field.name not in besides]
    set_names = [name for name in names if getattr(record, name) is not None]
    if len(set_names) != 1:
        present = (
            " and ".join(set_names) or f"none ({names[0]} with its defaults is written {names[0]}: {{}})"
        )
        raise ValueError(f"exactly one of {', '.join(names)} is needed, and here is {present}")


@dataclass(frozen=True)
class Variant:
    """A named retrieval pipeline."""

    name: Annotated[str, Len(1, MAX_NAME)]
    retrieve: Retrieve
    rerank: Annotated[tuple[Rerank, ...], Len(1, 5)] | None = None

    def __post_init__(self) -> None:
        if not SAFE_NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} cannot name a variant, because it also names a file: only letters, digits, "
                "spaces and . _ + -, no dot at the start, no space at either end"
            )

    @property
    def fingerprint(self) -> str:
        """Hash of the pipeline, without the name."""
        return fingerprint(self._pipeline)

    @property
    def pipeline_json(self) -> str:
        """The pipeline as canonical JSON."""
        return canonical_json(self._pipeline)

    @property
    def _pipeline(self) -> dict[str, Any]:
        return {"retrieve": self.retrieve, "rerank": self.rerank}

    def stages(self) -> Iterator[Stage]:
        """The stages that read an index or a model, in the order of the pipeline. Names must be resolved."""
        yield from self.retrieve.leaves()
        for rerank in self.rerank or ():
            yield rerank.stage
