"""The plan of an experiment before it starts: what is cached, what must be encoded, and what that costs.

Counts of texts are exact once passages are cut. Everything else is an estimate: tokens from characters, seconds from
the encoder's speed on this installation, or from a typical speed until that is measured.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import EncoderKind, EncoderSpec, Experiment, encoder_label
from evaluator.domain.matrix import chunk_label
from evaluator.domain.pipelines.shared_searches import SharedSearch
from evaluator.domain.variant import (
    BM25,
    Chunk,
    CrossEncoder,
    Dense,
    LanguageModel,
    Late,
    Rerank,
    Sparse,
    Variant,
)
from evaluator.errors import ArtifactMissingError, EvaluatorError
from evaluator.experiments.endpoints import check_allowed
from evaluator.experiments.lifecycle import resolve_spec
from evaluator.library import catalog
from evaluator.library.word_use import WordUse, word_uses
from evaluator.retrieval.encoders.resolve import local_folder
from evaluator.retrieval.rerank.language_model import windows
from evaluator.retrieval.search.cached import Cached, cached_texts
from evaluator.retrieval.search.indexes import Encoding, Sources, index_names
from evaluator.retrieval.vectors.costs import recent_cost
from evaluator.store import results
from evaluator.workspace.workspace import Workspace

CHARACTERS_PER_TOKEN = 4.0
"""Approximate average for English text."""
ROUGH_RATES: Mapping[EncoderKind, float] = {
    "transformer": 3_300, "sparse": 2_000, "late": 3_000, "static": 1_000_000, "endpoint": 20_000, "cross": 2_000,
}  # fmt: skip
"""Tokens per second of one worker with a small model on one CPU core; used until the encoder's speed is measured."""
SECONDS_PER_SEARCH = 0.002
"""Approximate seconds for one query of one variant; encoding takes most of the time."""
SECONDS_PER_ANSWER = 3.0
"""Approximate seconds for one chat request."""
TOKENS_PER_PLACE = 4.0
"""Tokens that a chat model writes for each document that it orders: `[12] > `."""
PAIR_TOKENS = 512
"""Tokens that a cross-encoder reads of a pair, if its configuration does not say."""
BYTES_PER_VALUE = 4


@dataclass(frozen=True)
class EncodingEstimate:
    """Texts that one encoder encodes.

    Attributes:
        encoder: the encoder's label.
        of: `queries`, `documents`, or how they are cut into passages.
        texts, cached: distinct texts, and how many have their vectors.
        tokens: approximate tokens of the texts to encode.
        seconds: estimated seconds to encode them with all workers.
        measured: whether the seconds are based on this encoder's measured speed.
        usd: at the endpoint's price; None if there is none.
        vector_bytes: bytes of all the texts' vectors; None if the dimensions are unknown.
        variants: names of the variants that use them.
        exact: whether the counts are exact; passages are estimated until they are cut.
    """

    encoder: str
    of: str
    texts: int
    cached: int
    tokens: int
    seconds: float
    measured: bool
    usd: float | None
    vector_bytes: int | None
    variants: int
    exact: bool

    @property
    def to_encode(self) -> int:
        """Texts without a vector."""
        return self.texts - self.cached


@dataclass(frozen=True)
class RerankingEstimate:
    """What a model must read to rerank one variant's candidates; only a chat model's answers are cached.

    Attributes:
        variant: its name.
        model: the reranker's.
        pairs: queries still to be evaluated times candidates.
        tokens: approximate tokens read and written.
        seconds: estimated seconds with all workers.
        usd: at the endpoint's price; None if there is none.
    """

    variant: str
    model: str
    pairs: int
    tokens: int
    seconds: float
    usd: float | None


@dataclass(frozen=True)
class Plan:
    """The plan of an experiment.

    Attributes:
        id: the experiment's id.
        variants: names of the variants.
        to_evaluate, recorded: queries over all variants; one that failed is evaluated again.
        encodings: each encoder's texts, once, however many variants use them.
        reranking: by variant, where a model reads every candidate.
        searches: searches that several variants share; each runs once.
        words: how BM25 finds words, and what is to be known about that.
        indexes, indexes_cached: number of index files, and how many of them are cached.
        workers: number of workers that share the time.
    """

    id: str
    variants: tuple[str, ...]
    to_evaluate: int
    recorded: int
    encodings: tuple[EncodingEstimate, ...]
    reranking: tuple[RerankingEstimate, ...]
    searches: tuple[SharedSearch, ...]
    words: tuple[WordUse, ...]
    indexes: int
    indexes_cached: int
    workers: int

    @property
    def tokens(self) -> int:
        """Approximate tokens to encode and to rerank."""
        return sum(part.tokens for part in self._parts)

    @property
    def seconds(self) -> float:
        """Estimated seconds with the configured workers; rough until `measured`."""
        search = self.to_evaluate * SECONDS_PER_SEARCH / self.workers
        return sum(part.seconds for part in self._parts) + search

    @property
    def measured(self) -> bool:
        """Whether the seconds are based on the measured speed of the same encoders."""
        return not self.reranking and all(part.measured for part in self.encodings if part.to_encode)

    @property
    def usd(self) -> float | None:
        """Estimated USD; None if nothing has a price."""
        prices = [part.usd for part in self._parts if part.usd is not None]
        return sum(prices) if prices else None

    @property
    def memory(self) -> int | None:
        """Bytes of all vectors at four bytes a value, which the workers of a machine share; an estimate.

        None if some dimensions are unknown until the model is loaded.
        """
        sizes = [encoding.vector_bytes for encoding in self.encodings]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def _parts(self) -> tuple[EncodingEstimate | RerankingEstimate, ...]:
        return (*self.encodings, *self.reranking)

    @property
    def shared(self) -> tuple[str, ...]:
        """Work that several variants share, in sentences."""
        parts: dict[tuple[str, int], list[str]] = {}
        for encoding in self.encodings:
            if encoding.variants > 1:
                parts.setdefault((encoding.encoder, encoding.variants), []).append(encoding.of)
        encoded = (
            f"{users} variants share the {' and '.join(of)} of {encoder}: encoded once"
            for (encoder, users), of in parts.items()
        )
        searched = (
            f"{len(search.variants)} variants share the candidates of {search.name}: searched once"
            for search in self.searches
            if len(search.variants) > 1
        )
        return (*encoded, *searched)


def plan(
    workspace: Workspace,
    experiment: Experiment,
    *,
    allow_paths: bool = False,
    hub_patience: float | None = None,
) -> Plan:
    """Plan an experiment without starting anything.

    Args:
        allow_paths, hub_patience: as for `experiments.begin`.

    Raises:
        InvalidInputError: the dataset is unknown or invalid, or an endpoint may not be asked.
        EncoderNotFoundError: an encoder cannot be found.
        LookingUpError: the hub takes longer to answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, experiment.endpoints)
    row = catalog.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    spec = resolve_spec(workspace, experiment, row, allow_paths=allow_paths, hub_patience=hub_patience)
    sources = Sources(spec, catalog.stored(workspace, row.manifest.fingerprint), workspace.store)
    counts = results.recorded_counts(workspace.database, spec.id)
    done = {variant.variant: variant.recorded - variant.failed for variant in counts}
    names = {
        name
        for variant in spec.variants
        for stage in variant.stages()
        for name in index_names(stage, sources)
    }
    workers = max(workspace.settings.workers, 1)
    missing = {variant: row.manifest.n_queries - done.get(variant.name, 0) for variant in spec.variants}
    return Plan(
        id=spec.id,
        variants=tuple(variant.name for variant in spec.variants),
        to_evaluate=sum(missing.values()),
        recorded=sum(done.values()),
        encodings=tuple(_estimate(*found, sources, workers) for found in _encodings(sources)),
        reranking=tuple(
            _reranking(variant, rerank, queries, sources, workers)
            for variant, queries in missing.items()
            for rerank in variant.rerank or ()
            if queries and isinstance(rerank.stage, CrossEncoder | LanguageModel)
        ),
        searches=spec.searches.all,
        words=word_uses(workspace, spec),
        indexes=len(names),
        indexes_cached=sum(workspace.store.exists(name) for name in names),
        workers=workers,
    )


def _encodings(sources: Sources) -> Iterator[tuple[Encoding, Chunk | None, int]]:
    """Each distinct encoding, how its texts are cut, and which variants use it."""
    users: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], tuple[Encoding, Chunk | None]] = {}
    for variant in sources.spec.variants:
        mine = set()
        for stage in variant.stages():
            chunk = stage.chunk if isinstance(stage, BM25 | Dense | Sparse | Late) else None
            for encoding in sources.encodings(stage):
                key = (encoding.encoder.fingerprint, encoding.texts.part, encoding.texts.role)
                first.setdefault(key, (encoding, chunk if encoding.texts.role == "document" else None))
                mine.add(key)
        users.update(mine)
    for known, (encoding, chunk) in first.items():
        yield encoding, chunk, users[known]


def _estimate(
    encoding: Encoding, chunk: Chunk | None, variants: int, sources: Sources, workers: int
) -> EncodingEstimate:
    encoder, role = encoding.encoder, encoding.texts.role
    cached = cached_texts(encoding, sources.store)
    total = tokens_of(sources.dataset, role)
    if not cached.known and chunk is not None:
        cached = Cached(passages_of(total, sources.dataset.manifest.n_documents, chunk), 0, known=False)
    tokens = _capped(total, cached.texts, encoder, chunk) * cached.missing / max(cached.texts, 1)
    rate = measured_rate(encoder, sources.store)
    dimensions = dimensions_of(encoder, sources.store)
    price = encoder.endpoint.usd_per_million_tokens if encoder.endpoint else None
    return EncodingEstimate(
        encoder=encoder_label(encoder.name, encoder.precision),
        of="queries" if role == "query" else f"passages ({chunk_label(chunk)})" if chunk else "documents",
        texts=cached.texts,
        cached=cached.encoded,
        tokens=round(tokens),
        seconds=tokens / (rate or ROUGH_RATES[encoder.kind]) / workers,
        measured=rate is not None,
        usd=None if price is None else tokens * price / 1e6,
        vector_bytes=None if dimensions is None else cached.texts * dimensions * BYTES_PER_VALUE,
        variants=variants,
        exact=cached.known,
    )


def _reranking(
    variant: Variant, rerank: Rerank, queries: int, sources: Sources, workers: int
) -> RerankingEstimate:
    manifest = sources.dataset.manifest
    candidates = min(rerank.depth, manifest.n_documents)
    query = tokens_of(sources.dataset, "query") / max(manifest.n_queries, 1)
    document = tokens_of(sources.dataset, "document") / max(manifest.n_documents, 1)
    match rerank.stage:
        case CrossEncoder() as stage:
            encoder = sources.spec.encoder(stage)
            model, usd = encoder_label(encoder.name, encoder.precision), None
            tokens = queries * candidates * min(query + document, encoder.max_length or PAIR_TOKENS)
            seconds = tokens / ROUGH_RATES["cross"] / workers
        case LanguageModel() as stage:
            endpoint = sources.spec.endpoints[stage.endpoint]
            model, limit = endpoint.name, stage.characters / CHARACTERS_PER_TOKEN
            sizes = [stop - start for start, stop in windows(candidates, stage.window, stage.step)]
            tokens_read = queries * sum(query + size * min(document, limit) for size in sizes)
            written = queries * sum(sizes) * TOKENS_PER_PLACE
            tokens, seconds = tokens_read + written, _chat_seconds(queries * len(sizes), endpoint, workers)
            priced = endpoint.usd_per_million_tokens is not None
            usd = endpoint.micro_usd(round(tokens_read), round(written)) / 1e6 if priced else None
        case other:
            raise TypeError(f"{other} reads no candidates")
    return RerankingEstimate(variant.name, model, queries * candidates, round(tokens), seconds, usd)


def _chat_seconds(requests: int, endpoint: Endpoint, workers: int) -> float:
    return requests * SECONDS_PER_ANSWER / min(workers, endpoint.concurrency)


def tokens_of(dataset: StoredDataset, role: str) -> float:
    """Approximate tokens of a dataset's texts in a role."""
    if role == "query":
        return sum(len(query.text) for query in dataset.queries) / CHARACTERS_PER_TOKEN
    return dataset.characters / CHARACTERS_PER_TOKEN


def passages_of(tokens: float, documents: int, chunk: Chunk) -> int:
    """Approximate number of passages of a corpus: at least one per document."""
    return max(documents, round(documents / 2 + tokens / max(chunk.size - chunk.overlap, 1)))


def _capped(tokens: float, texts: int, encoder: EncoderSpec, chunk: Chunk | None) -> float:
    """Tokens that the encoder reads: longer texts are cut at its limit."""
    if chunk is not None:
        tokens *= chunk.size / max(chunk.size - chunk.overlap, 1)
    return tokens if encoder.max_length is None else min(tokens, float(encoder.max_length * texts))


def measured_rate(encoder: EncoderSpec, store: ArtifactStore) -> float | None:
    """Measured tokens per second of one worker with this encoder; None if it has encoded nothing yet."""
    cost = recent_cost(encoder, "document", store)
    return cost.tokens / cost.seconds if cost.tokens and cost.seconds > 0 else None


def dimensions_of(encoder: EncoderSpec, store: ArtifactStore) -> int | None:
    """Dimensions of an encoder's vectors; None if they are unknown until it is loaded."""
    if encoder.dimensions is not None:
        return encoder.dimensions
    if encoder.kind == "endpoint":
        with suppress(ArtifactMissingError):
            return int(store.read_json(f"vectors/{encoder.fingerprint}/dimensions.json"))
        return None
    if encoder.kind != "transformer" or encoder.source not in ("bundled", "folder"):
        return None  # static: not in its configuration; sparse and late: not one vector per text
    return _hidden_size(local_folder(encoder.location), encoder.weights)


@lru_cache(maxsize=64)
def _hidden_size(folder: Path, _weights: str) -> int | None:
    """The hidden size in a model's configuration; `_weights` identifies the model now in the folder."""
    config = folder / "config.json"
    try:
        size = json.loads(config.read_text(encoding="utf-8")).get("hidden_size") if config.is_file() else None
    except (OSError, ValueError, EvaluatorError):
        return None
    return size if isinstance(size, int) else None
