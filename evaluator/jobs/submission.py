"""Enqueue what an experiment still lacks: encoding, indexes, shared searches, and queries without a recorded result."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis import Redis

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.pipelines.shared_searches import SharedSearch, first_depth
from evaluator.domain.variant import Stage
from evaluator.errors import ArtifactMissingError
from evaluator.jobs.cancellation import unmark_cancelled
from evaluator.jobs.context import spec_name
from evaluator.jobs.limits import write_terms
from evaluator.jobs.pending import read_pending, write_pending
from evaluator.jobs.planning import PlanningEndedError, Watch, turn
from evaluator.jobs.queue import CHANGES, YIELD, enqueue, job_data
from evaluator.jobs.stages import StageName, job_id
from evaluator.retrieval.candidates import Candidates
from evaluator.retrieval.encoders.opening import distilled_name
from evaluator.retrieval.search.indexes import Sources, index_names
from evaluator.retrieval.texts.encoder_texts import TextSet
from evaluator.retrieval.vectors.encoding import EncodingPlan, plan_encoding
from evaluator.settings import Settings

FAN_IN = 100
"""Jobs that one job waits for at most. RQ watches all of them whenever one ends or a job is added, and starts over
if any of them changed meanwhile: with thousands of jobs and busy workers, a submission would never end."""
AT_ONCE = 250
"""Jobs that are enqueued at once: other changes of the queue wait while that runs (about 0.3 s)."""


@dataclass(frozen=True)
class EncodingStage:
    """What one encoder has to do for an experiment: `texts` in all, `to_encode` of them not cached."""

    encoder: str
    texts: int
    to_encode: int


@dataclass(frozen=True)
class Enqueued:
    """What was enqueued."""

    jobs: int
    stages: tuple[EncodingStage, ...]


class Submission:
    """Collects an experiment's jobs in the order they should run, each once.

    A variant whose passages are not cut yet is planned in two steps: jobs that cut, and one that waits for them and
    then adds the rest, because what must be encoded is not known before.

    Args:
        watch: counts the planned texts, and says whether the experiment is still wanted.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        dataset: StoredDataset,
        store: ArtifactStore,
        settings: Settings,
        watch: Watch | None = None,
    ) -> None:
        self._spec, self._store, self._settings = spec, store, settings
        self._watch = watch or Watch()
        self._sources = Sources(spec, dataset, store)
        self._searches = spec.searches
        self._candidates = Candidates(spec.id, store)
        self._searched: dict[int, set[int]] = {}
        self._search_jobs: dict[tuple[int, tuple[int, ...]], list[str]] = {}
        self._there: dict[str, bool] = {}
        self._keys = {id(encoder): key for key, encoder in spec.encoders.items()}
        self._jobs: dict[str, Any] = {}
        self._plans: dict[tuple[str, str], tuple[EncoderSpec, EncodingPlan]] = {}

    def send(self, connection: Redis, missing: Mapping[str, Sequence[str]], batch_size: int) -> Enqueued:
        """Enqueue all that is needed for the missing queries of each variant.

        Raises:
            PlanningEndedError: the experiment is not wanted any more; whoever cancelled it has dropped the jobs
                that were enqueued already.
        """
        spec = self._spec
        self._store.put_json(spec_name(spec.id), spec.to_json())

        def begin() -> None:
            write_terms(connection, spec)
            unmark_cancelled(connection, spec.id)
            write_pending(connection, spec.id, wanted)

        wanted = {variant: query_ids for variant, query_ids in missing.items() if query_ids}
        return self._send(connection, wanted, batch_size, begin)

    def send_planned(self, connection: Redis, variant: str, batch_size: int) -> Enqueued:
        """Enqueue the rest of a variant's jobs, now that its passages are cut."""
        queries = read_pending(connection, self._spec.id, variant)
        return self._send(connection, {variant: queries}, batch_size, lambda: None)

    def _send(
        self,
        connection: Redis,
        variants: Mapping[str, Sequence[str]],
        batch_size: int,
        begin: Callable[[], None],
    ) -> Enqueued:
        with turn(connection, self._watch.check):
            if self._searches.all:
                self._candidates.begin(batch_size)
            self._watch.total = self._texts_to_plan(variants)
            for variant, query_ids in variants.items():
                self._watch.check()
                self._add_variant(variant, query_ids, batch_size)
        enqueued = self._enqueue(connection, begin)
        stages: dict[str, EncodingStage] = {}
        for encoder, plan in self._plans.values():
            key = self._key(encoder)
            counts = stages.get(key, EncodingStage(key, 0, 0))
            stages[key] = EncodingStage(key, counts.texts + plan.texts, counts.to_encode + plan.to_encode)
        return Enqueued(enqueued, tuple(stages.values()))

    def _enqueue(self, connection: Redis, begin: Callable[[], None]) -> int:
        """Enqueue the jobs in lots, each job after those that it waits for; returns how many.

        Each lot has a turn of its own: two processes that enqueue the same job at once could each drop what the other
        enqueued. Others may plan between two lots, because the plans of encoding are in the store by now.

        Args:
            begin: is called before the first lot, while nobody can cancel.
        """
        jobs, n = list(self._jobs.values()), 0
        for start in range(0, max(len(jobs), 1), AT_ONCE):
            if start:
                time.sleep(YIELD)
            with turn(connection, self._watch.check), CHANGES:
                if not self._watch.confirm():
                    raise PlanningEndedError(
                        f"the experiment {self._spec.name!r} was cancelled or started again"
                    )
                if not start:
                    begin()
                n += len(enqueue(connection, jobs[start : start + AT_ONCE]))
        return n

    def _texts_to_plan(self, variants: Iterable[str]) -> int:
        """How many texts need a plan of their encoding; passages that are not cut yet are planned later."""
        sizes: dict[tuple[str, str], int] = {}
        for name in variants:
            self._watch.check()
            for stage in self._spec.variant(name).stages():
                for encoding in self._sources.encodings(stage):
                    key = _plan_key(encoding.encoder, encoding.texts)
                    if key not in sizes and not self._exists(encoding.artifact):
                        with suppress(ArtifactMissingError):
                            sizes[key] = encoding.texts.read_size()
        return sum(sizes.values())

    def _add_variant(self, name: str, query_ids: Sequence[str], batch_size: int) -> None:
        spec, variant, position = self._spec, self._spec.variant(name), self._spec.position(name)
        stages = list(enumerate(variant.stages()))
        if cuts := list(self._add_cuts(name, stages)):
            self._add("plan", (spec.id, name, batch_size), (spec.id, position), cuts, front=True)
            return
        indexes: dict[Stage, str] = {}
        for place, stage in stages:
            names = index_names(stage, self._sources)
            if not all(map(self._exists, names)):
                after = self._add_encodings(stage)
                indexes[stage] = self._add(
                    "index", (spec.id, name, place), (fingerprint(names),), after, front=True
                )
        rows = [self._sources.dataset.query_rows[query_id] for query_id in query_ids]
        searches = [
            self._add_search(search, rows, indexes)
            for search in self._searches.within(variant.retrieve, first_depth(variant, spec.depth))
        ]
        waits_for = self._gathered([*dict.fromkeys(indexes.values()), *itertools.chain(*searches)])
        self._add("dispatch", (spec.id, name, batch_size), (spec.id, position), waits_for, front=True)

    def _add_search(
        self, search: SharedSearch, rows: Sequence[int], indexes: Mapping[Stage, str]
    ) -> list[str]:
        """The job that stands for all jobs that search these queries; none where all are searched."""
        shards = tuple(self._candidates.shards_of(rows))
        if (search.place, shards) not in self._search_jobs:
            jobs = [job for shard in shards for job in self._add_shard(search, shard, indexes)]
            self._search_jobs[search.place, shards] = self._gathered(jobs, most=1)
        return self._search_jobs[search.place, shards]

    def _add_shard(self, search: SharedSearch, shard: int, indexes: Mapping[Stage, str]) -> list[str]:
        """The job that searches a shard of queries, after the jobs that search the same queries for its parts."""
        if search.place not in self._searched:
            self._searched[search.place] = self._candidates.there(search)
        if shard in self._searched[search.place]:
            return []
        built = dict.fromkeys(indexes[leaf] for leaf in search.retrieve.leaves() if leaf in indexes)
        parts = self._searches.parts(search.retrieve)
        part_jobs = [job for part in parts for job in self._add_shard(part, shard, indexes)]
        after = self._gathered([*built, *part_jobs])
        job = self._spec.id, search.place, shard
        return [self._add("search", job, job, after)]

    def _add_cuts(self, variant: str, stages: Sequence[tuple[int, Stage]]) -> Iterator[str]:
        """Jobs that cut the passages which are not cut yet."""
        for place, stage in stages:
            cut = self._sources.cut(stage)
            if cut is not None and not self._store.is_whole(cut[2]):
                first = self._add_preparation(cut[1]) if cut[1] is not None else []
                yield self._add("cut", (self._spec.id, variant, place), (fingerprint(cut[2]),), first)

    def _add_preparation(self, encoder: EncoderSpec) -> list[str]:
        """The job that distils an encoder, if it is not distilled yet."""
        if encoder.source != "distilled" or self._exists(distilled_name(encoder)):
            return []
        return [self._add("prepare", (self._spec.id, self._key(encoder)), (encoder.weights,), [])]

    def _key(self, encoder: EncoderSpec) -> str:
        """What the spec calls an encoder."""
        return self._keys[id(encoder)]

    def _exists(self, artifact: str) -> bool:
        """Whether an artifact existed at the first call for it. If it was made since then, its job ends at once."""
        if artifact not in self._there:
            self._there[artifact] = self._store.exists(artifact)
        return self._there[artifact]

    def _add_encodings(self, stage: Stage) -> list[str]:
        """Jobs that encode what a stage needs."""
        ids: list[str] = []
        for encoding in self._sources.encodings(stage):
            encoder, role = encoding.encoder, encoding.texts.role
            if self._exists(encoding.artifact):
                continue
            first = self._add_preparation(encoder)
            ids += [
                self._add(
                    "encode",
                    (self._spec.id, self._key(encoder), role, shard.plan, shard.number),
                    (encoder.fingerprint, role, shard.plan, shard.number),
                    first,
                )
                for shard in self._plan(encoder, encoding.texts).missing
            ]
        return self._gathered(ids)

    def _gathered(self, ids: list[str], most: int | None = None) -> list[str]:
        """At most `most` (`FAN_IN`) jobs that stand for these: the jobs themselves, or jobs that gather them."""
        while len(ids) > (most or FAN_IN):
            parts = [ids[start : start + FAN_IN] for start in range(0, len(ids), FAN_IN)]
            ids = [
                self._add("gather", (self._spec.id,), (fingerprint(part),), part, front=True)
                for part in parts
            ]
        return ids

    def _plan(self, encoder: EncoderSpec, texts: TextSet) -> EncodingPlan:
        key = _plan_key(encoder, texts)
        if key not in self._plans:
            texts_before = self._watch.texts
            plan = plan_encoding(encoder, texts, self._store, self._watch.count)
            self._plans[key] = encoder, plan
            self._watch.count(texts.read_size() - (self._watch.texts - texts_before))
        return self._plans[key][1]

    def _add(
        self,
        stage: StageName,
        args: tuple[Any, ...],
        identity: tuple[str | int, ...],
        after: Sequence[str],
        *,
        front: bool = False,
    ) -> str:
        id_ = job_id(stage, *identity)
        if id_ not in self._jobs:
            self._jobs[id_] = job_data(self._settings, stage, args, id_, after=after, at_front=front)
        return id_


def _plan_key(encoder: EncoderSpec, texts: TextSet) -> tuple[str, str]:
    """What makes two plans the same."""
    return encoder.fingerprint, f"{texts.role} {texts.part}"
