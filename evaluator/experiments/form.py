"""What the form of a new experiment offers, as data: choices in, an experiment out, and back where they can say it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.matrix import NONE, Matrix, Strategy, distinctly_named, label, product
from evaluator.domain.measures.scoring import DEFAULT_MEASURES, canonical_measures
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    Fuse,
    LanguageModel,
    Late,
    Precision,
    Rerank,
    Retrieve,
    Run,
    Sparse,
    Stemmer,
    StopWords,
    Variant,
)
from evaluator.errors import InvalidInputError
from evaluator.retrieval.encoders.resolve import BUNDLED_NAMES, DISTILLED_PREFIX

BUNDLED = BUNDLED_NAMES[0]
DISTILLED = DISTILLED_PREFIX + BUNDLED
CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L6-v2"
SPARSE_MODEL = "naver/splade-cocondenser-ensembledistil"
LATE_MODEL = "colbert-ir/colbertv2.0"

T = TypeVar("T")

ALL = "all"
"""Stands for a model's own number of dimensions."""

ChunkBy = Literal["tokens", "sentences", "structure"]
Quantize = Literal["none", "int8", "binary"]


@dataclass(frozen=True)
class Choices:
    """The form's fields, one by one; what belongs to a strategy counts only where the strategy is chosen.

    Attributes:
        bundled, distilled, hub: the models: what is installed, made from it, or on the hub by name.
        server: base URL and key's variable of the endpoint that the models below are asked of.
        words, meaning, both: BM25, vectors, and the two fused.
        whole: whole documents are compared beside passages.
        cross_encoders, second_look, mmr, chat_models: rerankers; each is compared with going without.
        dimensions: numbers, or `all`.
        queries_per_job: None for auto.
    """

    name: str = ""
    dataset: str = ""
    bundled: bool = False
    distilled: bool = False
    hub: tuple[str, ...] = ()
    server: tuple[str, str | None] | None = None
    endpoint_models: tuple[str, ...] = ()
    endpoint_price: float | None = None
    words: bool = False
    meaning: bool = False
    both: bool = False
    sparse: bool = False
    sparse_models: tuple[str, ...] = (SPARSE_MODEL,)
    late: bool = False
    late_models: tuple[str, ...] = (LATE_MODEL,)
    chunked: bool = False
    chunk_by: tuple[ChunkBy, ...] = ("tokens",)
    chunk_size: int = 256
    chunk_overlap: int = 32
    chunk_score: Literal["max", "mean", "sum"] = "max"
    whole: bool = True
    reranked: bool = False
    cross_encoders: tuple[str, ...] = (CROSS_ENCODER,)
    second_look: bool = False
    mmr: bool = False
    chat_models: tuple[str, ...] = ()
    chat_price: float | None = None
    chat_output_price: float | None = None
    depth: int = 50
    relevance: float = 0.5
    precisions: tuple[Precision, ...] = ("float32",)
    dimensions: tuple[str, ...] = (ALL,)
    quantize: tuple[Quantize, ...] = ("none",)
    rescore: int | None = None
    metric: Literal["cosine", "dot", "euclidean"] = "cosine"
    k1: float = 0.9
    b: float = 0.4
    stemmer: Stemmer = "english"
    stop_words: StopWords = "english"
    measures: tuple[str, ...] = DEFAULT_MEASURES
    queries_per_job: int | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Of vectors, that are computed here."""
        chosen = [name for name, used in ((BUNDLED, self.bundled), (DISTILLED, self.distilled)) if used]
        return tuple(dict.fromkeys((*chosen, *self.hub)))

    @property
    def needs_model(self) -> bool:
        """Whether a chosen strategy searches by one of the models."""
        return self.meaning or self.both


def problems_of(choices: Choices) -> dict[str, str]:
    """What is wrong or missing, by field; nothing if `experiment_of` can make an experiment of it."""
    found: dict[str, str] = {}
    if not choices.name.strip():
        found["name"] = "Give the experiment a name"
    if not any((choices.words, choices.meaning, choices.both, choices.sparse, choices.late)):
        found["strategies"] = "Choose at least one way to find documents"
    if choices.needs_model and not choices.models and not choices.endpoint_models:
        found["models"] = "Choose at least one model: search by meaning needs one"
    for strategy, models in (("sparse", choices.sparse_models), ("late", choices.late_models)):
        if getattr(choices, strategy) and not models:
            found[strategy] = "Name at least one model"
    if choices.chunked and not choices.chunk_by:
        found["chunked"] = "Choose at least one way to cut"
    if choices.chunked and choices.chunk_overlap >= choices.chunk_size:
        found["chunk_overlap"] = f"The overlap must be smaller than the size, {choices.chunk_size}"
    if choices.reranked and not list(_rerankers(choices)):
        found["reranked"] = "Choose at least one reranker"
    for field in ("precisions", "quantize", "dimensions"):
        if not getattr(choices, field):
            found[field] = "Choose at least one"
    for size in choices.dimensions:
        if size != ALL and not (size.isdecimal() and int(size) > 0):
            found["dimensions"] = f"{size!r} is no number of dimensions; write a whole number, or {ALL}"
    if message := _measures_problem(choices.measures):
        found["measures"] = message
    return found


def _measures_problem(measures: tuple[str, ...]) -> str | None:
    try:
        return None if canonical_measures(measures) else "Choose at least one measure"
    except InvalidInputError as error:
        return str(error)


def experiment_of(choices: Choices) -> Experiment:
    """The experiment that the choices mean.

    Raises:
        ValueError: they stand for too many variants, or `problems_of` finds something.
    """
    if problems := problems_of(choices):
        raise ValueError("; ".join(problems.values()))
    variants = {variant.fingerprint: variant for variant in _variants(choices)}
    budget = choices.budget_usd is not None or choices.budget_tokens is not None
    return Experiment(
        name=choices.name.strip(),
        dataset=choices.dataset,
        variants=distinctly_named(variants.values()),
        measures=canonical_measures(choices.measures),
        queries_per_job="auto" if choices.queries_per_job is None else choices.queries_per_job,
        endpoints=tuple(_endpoints(choices)),
        budget=Budget(choices.budget_usd, choices.budget_tokens) if budget else None,
    )


def _variants(choices: Choices) -> Iterator[Variant]:
    """All of them; some may come twice."""
    chosen: dict[Strategy, bool] = {"bm25": choices.words, "dense": choices.meaning, "hybrid": choices.both}
    strategies = tuple(strategy for strategy, used in chosen.items() if used)
    if strategies:
        yield from _product(choices, choices.models, strategies, choices.precisions)
        # An endpoint computes in a precision of its own.
        yield from _product(choices, _names(choices.endpoint_models), strategies, ("float32",))
    for used, models, kind in (
        (choices.sparse, choices.sparse_models, Sparse),
        (choices.late, choices.late_models, Late),
    ):
        if used:
            matrix = Matrix(models, ("dense",), chunks=_chunks(choices), rerank=(NONE, *_rerankers(choices)))
            for variant in product(matrix):
                yield dataclasses.replace(variant, retrieve=_learned(kind, variant.retrieve))


def _product(
    choices: Choices,
    models: tuple[str, ...],
    strategies: tuple[Strategy, ...],
    precisions: tuple[Precision, ...],
) -> Iterator[Variant]:
    matrix = Matrix(
        models,
        strategies,
        precisions,
        tuple(NONE if size == ALL else int(size) for size in choices.dimensions),
        choices.quantize,
        _chunks(choices),
        (NONE, *_rerankers(choices)),
    )
    for variant in product(matrix):
        if not _in_vain(variant):
            yield dataclasses.replace(variant, retrieve=_tuned(variant.retrieve, choices))


def _in_vain(variant: Variant) -> bool:
    """Whether a reranker scores whole documents by the very vectors that they were found by."""
    found, ordered = variant.retrieve.dense, variant.rerank and variant.rerank[0].dense
    return bool(found and ordered and found.chunk is None and found.encoder == ordered.encoder)


def _tuned(retrieve: Retrieve, choices: Choices) -> Retrieve:
    """The same pipeline with the settings that a matrix does not vary."""
    match retrieve.stage:
        case BM25() as bm25:
            values = {field: getattr(choices, field) for field in ("k1", "b", "stemmer", "stop_words")}
            return Retrieve(bm25=BM25(**values, chunk=bm25.chunk))
        case Dense() as dense:
            metric = None if choices.metric == "cosine" else choices.metric
            rescore = choices.rescore if dense.quantize else None
            return Retrieve(dense=dataclasses.replace(dense, metric=metric, rescore=rescore))
    if retrieve.fuse is None:
        return retrieve
    parts = tuple(part if isinstance(part, str) else _tuned(part, choices) for part in retrieve.fuse.of)
    return Retrieve(fuse=dataclasses.replace(retrieve.fuse, of=parts))


def _learned(kind: type[Sparse | Late], retrieve: Retrieve) -> Retrieve:
    dense = retrieve.dense
    if dense is None:
        raise ValueError("only a dense pipeline has a model to replace")
    if kind is Sparse:
        return Retrieve(sparse=Sparse(dense.encoder, chunk=dense.chunk))
    return Retrieve(late=Late(dense.encoder, chunk=dense.chunk))


def _chunks(choices: Choices) -> tuple[Chunk | Literal["none"], ...]:
    if not choices.chunked:
        return (NONE,)
    size, overlap, score = choices.chunk_size, choices.chunk_overlap, choices.chunk_score
    cut = tuple(Chunk(by, size, overlap, score) for by in choices.chunk_by)
    return (NONE, *cut) if choices.whole else cut


def _rerankers(choices: Choices) -> Iterator[Rerank]:
    if not choices.reranked:
        return
    model = next(iter((*choices.models, *_names(choices.endpoint_models))), BUNDLED)
    for name in choices.cross_encoders:
        yield Rerank(cross_encoder=CrossEncoder(name), depth=choices.depth)
    if choices.second_look:
        yield Rerank(dense=Dense(model), depth=choices.depth)
    if choices.mmr:
        yield Rerank(mmr=MMR(model, relevance=choices.relevance), depth=choices.depth)
    for name in _names(choices.chat_models):
        yield Rerank(llm=LanguageModel(name), depth=choices.depth)


def _names(models: tuple[str, ...]) -> tuple[str, ...]:
    """What variants call the endpoints of some models."""
    return tuple(dict.fromkeys(map(label, models)))


def _endpoints(choices: Choices) -> Iterator[Endpoint]:
    if choices.server is None:
        return
    url, key = choices.server
    models = {label(model): model for model in choices.endpoint_models} if choices.needs_model else {}
    chats = {label(model): model for model in choices.chat_models} if choices.reranked else {}
    for name, model in (models | chats).items():
        chat = name in chats
        yield Endpoint(
            name, url, model, key,
            usd_per_million_tokens=choices.chat_price if chat else choices.endpoint_price,
            usd_per_million_output_tokens=choices.chat_output_price if chat else None,
        )  # fmt: skip


def choices_of(experiment: Experiment) -> Choices | None:
    """The choices that mean this very experiment; None if it says more than they can.

    Args:
        experiment: its names resolved, its measures canonical.
    """
    guess = _guess(experiment)
    try:
        return guess if experiment_of(guess) == experiment else None
    except ValueError:
        return None


def _guess(experiment: Experiment) -> Choices:
    """What the choices must be, if they can say it: every value that occurs, the first of those that occur once."""
    endpoints = {endpoint.name: endpoint for endpoint in experiment.endpoints}
    stages = [variant.retrieve.stage for variant in experiment.variants]
    leaves = [leaf for variant in experiment.variants for leaf in variant.retrieve.leaves()]
    dense = [leaf for leaf in leaves if isinstance(leaf, Dense)]
    words = next((leaf for leaf in leaves if isinstance(leaf, BM25)), BM25())
    cut = [leaf.chunk for leaf in leaves if not isinstance(leaf, Run)]
    models = _distinct(leaf.encoder for leaf in dense)
    rerankers = [stage for variant in experiment.variants for stage in variant.rerank or ()]
    chats = _distinct(stage.llm.endpoint for stage in rerankers if stage.llm)
    asked = [endpoints[name] for name in models if name in endpoints]
    asked_chats = [endpoints[name] for name in chats if name in endpoints]
    server = next(iter(experiment.endpoints), None)
    own = [leaf for leaf in dense if leaf.encoder not in endpoints]
    chunks = [chunk for chunk in cut if chunk is not None]
    chunk = next(iter(chunks), Chunk(overlap=32))
    sparse = _distinct(leaf.encoder for leaf in leaves if isinstance(leaf, Sparse))
    late = _distinct(leaf.encoder for leaf in leaves if isinstance(leaf, Late))
    crossed = _distinct(stage.cross_encoder.model for stage in rerankers if stage.cross_encoder)
    budget = experiment.budget
    return Choices(
        name=experiment.name,
        dataset=experiment.dataset,
        bundled=BUNDLED in models,
        distilled=DISTILLED in models,
        hub=tuple(m for m in models if m not in (BUNDLED, DISTILLED) and m not in endpoints),
        server=None if server is None else (server.base_url, server.key),
        endpoint_models=tuple(endpoint.model for endpoint in asked),
        endpoint_price=next((endpoint.usd_per_million_tokens for endpoint in asked), None),
        words=any(isinstance(stage, BM25) for stage in stages),
        meaning=any(isinstance(stage, Dense) for stage in stages),
        both=any(isinstance(stage, Fuse) for stage in stages),
        sparse=bool(sparse),
        sparse_models=sparse or (SPARSE_MODEL,),
        late=bool(late),
        late_models=late or (LATE_MODEL,),
        chunked=bool(chunks),
        chunk_by=_distinct(chunk.by for chunk in chunks) or ("tokens",),
        chunk_size=chunk.size,
        chunk_overlap=chunk.overlap,
        chunk_score=chunk.score,
        whole=None in cut,
        reranked=bool(rerankers),
        cross_encoders=crossed if rerankers else (CROSS_ENCODER,),
        second_look=any(stage.dense for stage in rerankers),
        mmr=any(stage.mmr for stage in rerankers),
        chat_models=tuple(endpoint.model for endpoint in asked_chats),
        chat_price=next((endpoint.usd_per_million_tokens for endpoint in asked_chats), None),
        chat_output_price=next((endpoint.usd_per_million_output_tokens for endpoint in asked_chats), None),
        depth=next((stage.depth for stage in rerankers), 50),
        relevance=next((stage.mmr.relevance for stage in rerankers if stage.mmr), 0.5),
        precisions=_distinct(leaf.precision for leaf in own) or ("float32",),
        dimensions=_distinct(ALL if d.dimensions is None else str(d.dimensions) for d in dense) or (ALL,),
        quantize=_distinct(leaf.quantize or "none" for leaf in dense) or ("none",),
        rescore=next((leaf.rescore for leaf in dense if leaf.rescore), None),
        metric=next((leaf.metric for leaf in dense if leaf.metric), "cosine"),
        k1=words.k1,
        b=words.b,
        stemmer=words.stemmer,
        stop_words=words.stop_words,
        measures=experiment.measures,
        queries_per_job=None if experiment.queries_per_job == "auto" else experiment.queries_per_job,
        budget_usd=budget.usd if budget else None,
        budget_tokens=budget.tokens if budget else None,
    )


def _distinct(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
