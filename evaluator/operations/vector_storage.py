"""Stored vectors: their size by encoder, and dropping the ones that were used longest ago.

An encoder's vectors are dropped as a whole, with the matrices built of them, and never while an experiment that uses
it is planned or runs. Results are not touched: what is dropped is encoded again when it is needed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError

from evaluator.domain.access import Action
from evaluator.domain.experiment import encoder_label
from evaluator.domain.fingerprint import FINGERPRINT_LENGTH
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.deeds import Deed
from evaluator.errors import AmbiguousNameError
from evaluator.jobs.queue import experiments_with_jobs
from evaluator.store import experiments
from evaluator.workspace.acting import needs
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

MATRIX = re.compile(rf"indexes/[^/]+/([0-9a-f]{{{FINGERPRINT_LENGTH}}})-(?:query|document)\b.*")
"""Names of the artifacts that are built of an encoder's vectors."""

NEVER = datetime.min


@dataclass(frozen=True)
class EncoderVectors:
    """The stored vectors of one encoder.

    Attributes:
        fingerprint: of the encoder.
        name: its label; the fingerprint if no experiment names it any more.
        bytes: of vectors and matrices.
        files: artifacts.
        used_at: when an experiment with it was last submitted; None if none is known.
        in_use: whether such an experiment is planned or runs.
    """

    fingerprint: str
    name: str
    bytes: int
    files: int
    used_at: datetime | None
    in_use: bool


@needs(Action.OPERATE)
def vectors(workspace: Workspace) -> list[EncoderVectors]:
    """The stored vectors of each encoder, last used first."""
    artifacts = _artifacts(workspace)
    used: dict[str, tuple[str, datetime, bool]] = {}
    for row in experiments.all_experiments(workspace.database):  # the last submitted first
        for spec in row.spec.encoders.values():
            name, at, running = used.get(
                spec.fingerprint, (encoder_label(spec.name, spec.precision), row.started_at, False)
            )
            used[spec.fingerprint] = name, at, running or row.active
    rows = []
    for fingerprint, sizes in artifacts.items():
        name, at, running = used.get(fingerprint, (fingerprint, NEVER, False))
        used_at = None if at is NEVER else at
        rows.append(EncoderVectors(fingerprint, name, sum(sizes.values()), len(sizes), used_at, running))
    return sorted(rows, key=lambda row: (row.used_at or NEVER, row.fingerprint), reverse=True)


@needs(Action.OPERATE)
def prune(
    workspace: Workspace, limit: int | None = None, encoders: Sequence[str] = ()
) -> list[EncoderVectors]:
    """Drop encoders' vectors; returns what was dropped.

    Args:
        limit: bytes that may stay; those used longest ago go first. The configured limit by default.
        encoders: drop these, by label or fingerprint, instead.

    Raises:
        AmbiguousNameError: several encoders have one of the labels; lists their fingerprints.
    """
    rows = vectors(workspace)
    if encoders:
        chosen = [row for label in dict.fromkeys(encoders) for row in _named(rows, label)]
    else:
        chosen, total = [], sum(row.bytes for row in rows)
        allowed = workspace.settings.vectors_limit if limit is None else limit
        for row in reversed(rows):
            if total <= allowed:
                break
            if not row.in_use:
                chosen.append(row)
                total -= row.bytes
    dropped = [row for row in chosen if _drop(workspace, row.fingerprint)]
    if dropped:
        note(workspace, Deed.PRUNED, ", ".join(row.name for row in dropped))
    return dropped


def _drop(workspace: Workspace, fingerprint: str) -> bool:
    """Drop an encoder's vectors unless an experiment needs them; whether they are dropped.

    Nobody begins to need them meanwhile: an experiment that begins is recorded as active under the same lock, before
    it looks which vectors are there.
    """
    with workspace.in_use:
        rows = [row for row in experiments.all_experiments(workspace.database) if _uses(row, fingerprint)]
        if any(row.active for row in rows) or _with_jobs(workspace) & {row.id for row in rows}:
            return False
        # Matrices are removed before vectors, so that no matrix is left without its vectors.
        for name in sorted(_artifacts(workspace).get(fingerprint, ())):
            workspace.store.remove(name)
    return True


def _uses(row: ExperimentRow, fingerprint: str) -> bool:
    return any(spec.fingerprint == fingerprint for spec in row.spec.encoders.values())


def _with_jobs(workspace: Workspace) -> set[str]:
    """Experiments that have jobs, such as those that measure a finished one; none if there is no queue to ask."""
    if workspace.queue is None:
        return set()
    try:
        return experiments_with_jobs(workspace.queue)
    except RedisError:  # then no worker has a job either
        return set()


def _named(rows: Sequence[EncoderVectors], label: str) -> list[EncoderVectors]:
    """The encoder of that fingerprint, else of that label; none if it has no stored vectors.

    Raises:
        AmbiguousNameError: several have the label.
    """
    matches = [row for row in rows if row.fingerprint == label] or [row for row in rows if row.name == label]
    if len(matches) > 1:
        fingerprints = tuple(row.fingerprint for row in matches)
        raise AmbiguousNameError(
            f"{len(matches)} encoders are labelled {label!r}; give a fingerprint: {', '.join(fingerprints)}",
            fingerprints,
        )
    return matches


def _artifacts(workspace: Workspace) -> dict[str, dict[str, int]]:
    """Bytes of artifacts by encoder and name."""
    sizes: dict[str, dict[str, int]] = {}
    for name, size in workspace.store.sizes("vectors").items():
        sizes.setdefault(name.split("/")[1], {})[name] = size
    for name, size in workspace.store.sizes("indexes").items():
        if match := MATRIX.fullmatch(name):
            sizes.setdefault(match[1], {})[name] = size
    return sizes


def vectors_record(row: EncoderVectors) -> dict[str, Any]:
    """An encoder's stored vectors as a JSON object."""
    return {**dataclasses.asdict(row), "used_at": row.used_at.isoformat() if row.used_at else None}
