"""Enqueue what an experiment still needs: encoding, indexes, and the queries that are not recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from evaluator.artifacts import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec, encoder_key
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.variant import Dense
from evaluator.jobs.cancellation import unmark_cancelled
from evaluator.jobs.context import spec_name
from evaluator.jobs.pending import write_pending
from evaluator.jobs.queue import CHANGES, all_live_ids, enqueue, job_data, job_id
from evaluator.retrieval.encoders.sentence_transformer import distilled_name
from evaluator.retrieval.pipeline import ROLES, index_names
from evaluator.retrieval.vectors import EncodingPlan, matrix_name, plan_encoding
from evaluator.settings import Settings

FAN_IN = 100
"""Jobs that one job waits for at most. RQ watches all of them whenever one ends or a job is added, and starts over
if any changed meanwhile: with thousands, and workers at work, submitting an experiment would not end."""


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
    """Collects an experiment's jobs in the order they should run, each once."""

    def __init__(
        self, spec: ExperimentSpec, dataset: StoredDataset, store: ArtifactStore, settings: Settings
    ) -> None:
        self._spec, self._dataset, self._store, self._settings = spec, dataset, store, settings
        self._jobs: dict[str, Any] = {}
        self._plans: dict[tuple[str, str], EncodingPlan] = {}

    def send(self, connection: Redis, missing: Mapping[str, Sequence[str]], batch_size: int) -> Enqueued:
        """Enqueue all that is needed for the missing queries of each variant."""
        spec = self._spec
        self._store.put_json(spec_name(spec.id), spec.to_json())
        with CHANGES:
            unmark_cancelled(connection, spec.id)
            for variant, query_ids in missing.items():
                if query_ids:
                    write_pending(connection, spec.id, variant, query_ids)
                    self._add_variant(variant, batch_size)
            enqueued = enqueue(connection, self._jobs.values())
        stages: dict[str, EncodingStage] = {}
        for (encoder, _role), plan in self._plans.items():
            before = stages.get(encoder, EncodingStage(encoder, 0, 0))
            stages[encoder] = EncodingStage(
                encoder, before.texts + plan.texts, before.to_encode + plan.to_encode
            )
        return Enqueued(len(enqueued), tuple(stages.values()))

    def _add_variant(self, variant: str, batch_size: int) -> None:
        waits_for = []
        for place, stage in enumerate(self._spec.variant(variant).retrieve.leaves()):
            names = index_names(stage, self._spec, self._dataset)
            if all(self._store.exists(name) for name in names):
                continue
            after = self._add_encoding(stage) if isinstance(stage, Dense) else []
            waits_for.append(
                self._add("index", (self._spec.id, variant, place), (fingerprint(names),), after, front=True)
            )
        position = self._spec.position(variant)
        self._add(
            "dispatch", (self._spec.id, variant, batch_size), (self._spec.id, position), waits_for, front=True
        )

    def _add_encoding(self, stage: Dense) -> list[str]:
        key, encoder = encoder_key(stage), self._spec.encoder(stage)
        first = []
        if encoder.source == "distilled" and not self._store.exists(distilled_name(encoder)):
            first = [self._add("prepare", (self._spec.id, key), (encoder.weights,), [])]
        ids = []
        for role in reversed(ROLES):  # queries are few: first
            if self._store.exists(matrix_name(encoder, role, self._dataset)):
                continue
            plan = self._plan(key, encoder, role)
            ids += [
                self._add(
                    "encode",
                    (self._spec.id, key, role, shard.plan, shard.number),
                    (encoder.fingerprint, role, shard.plan, shard.number),
                    first,
                )
                for shard in plan.missing
            ]
        while len(ids) > FAN_IN:
            parts = [ids[start : start + FAN_IN] for start in range(0, len(ids), FAN_IN)]
            ids = [
                self._add("gather", (self._spec.id,), (fingerprint(part),), part, front=True)
                for part in parts
            ]
        return ids

    def _plan(self, key: str, encoder: EncoderSpec, role: Any) -> EncodingPlan:
        if (key, role) not in self._plans:
            self._plans[key, role] = plan_encoding(encoder, role, self._dataset, self._store)
        return self._plans[key, role]

    def _add(
        self,
        task: str,
        args: tuple[Any, ...],
        identity: tuple[str | int, ...],
        after: Sequence[str],
        *,
        front: bool = False,
    ) -> str:
        id_ = job_id(task, *identity)
        if id_ not in self._jobs:
            self._jobs[id_] = job_data(self._settings, task, args, id_, after=after, at_front=front)
        return id_


def is_active(connection: Redis, experiment: str) -> bool:
    """Whether jobs of an experiment wait or run."""
    return any(experiment in id_.split("-") for id_ in all_live_ids(connection))
