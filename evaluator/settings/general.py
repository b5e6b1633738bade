"""Settings of the server, its queue, its workers and its log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field, SecretStr

from evaluator.allowed_endpoint import AllowedEndpoint
from evaluator.settings.kinds import Device, LogFormat, LogLevel, QueueName

DEFAULT_CONCURRENCY = 5
"""Workers per machine, if it has that many cores (the number in the original decision record)."""

MOST_WORKERS = 1000
"""The most worker processes; a larger number is taken for a typing error."""
LONGEST_PAUSE = 24 * 3600
"""Seconds."""
LONGEST_JOB = 30 * 24 * 3600
"""Seconds."""


class GeneralSettings(BaseModel):
    """The server, its queue, its workers and its log."""

    home: Path = Field(
        Path(".evaluator"), description="Folder for all state: database, artifacts, queue, logs."
    )
    artifacts: str | None = Field(
        None,
        repr=False,
        description="Artifact store: a folder or fsspec URL that all workers reach. Default: HOME/artifacts.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("EVALUATOR_REDIS_URL", "REDIS_URL", "redis_url"),
        description="Redis or Valkey to use, also with TLS (`rediss://`) or Sentinel (`redis+sentinel://`). Default: "
        "an embedded Valkey on a private unix socket.",
    )
    host: str = Field("127.0.0.1", description="Address the server listens on; loopback by default.")
    port: int = Field(8501, ge=0, le=65535, description="Port the server listens on.")
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Host names (a JSON list) that requests may name, besides loopback names. Required where HOST is "
        "not loopback, and behind a proxy.",
    )
    endpoints: tuple[AllowedEndpoint, ...] = Field(
        (),
        description="Endpoints (a JSON list of base_url and key) that experiments from the browser and the API may "
        "ask; the command line may ask any.",
    )
    server: str | None = Field(
        None,
        description="Address of a server that commands work against, instead of the home folder; `--server` overrides "
        "it.",
    )
    token: SecretStr | None = Field(
        None, description="Token that commands send to that server, instead of the one that `login` stored."
    )
    workers: int = Field(
        default_factory=lambda: min(DEFAULT_CONCURRENCY, os.cpu_count() or 1),
        ge=0,
        le=MOST_WORKERS,
        description="Worker processes on this machine. Default: min(5, cores).",
    )
    encode_workers: int | None = Field(
        None,
        ge=0,
        description="How many of them also encode, each with its models in memory. Default: all.",
    )
    evaluate_workers: int | None = Field(
        None,
        ge=0,
        description="How many of them also index, retrieve and score; 0 for a machine that only encodes. Default: all.",
    )
    queues: tuple[QueueName, ...] = Field(
        ("encode", "evaluate"),
        min_length=1,
        description="Queues (a JSON list) that one worker process takes jobs from; set for each by the two above.",
    )
    threads_per_worker: int = Field(
        1,
        ge=1,
        le=MOST_WORKERS,
        description="Threads a worker computes with. Fixed, because it can change the last bits of a vector.",
    )
    device: Device = Field(
        "auto",
        description="Where models run: `auto` (a CUDA device if there is one, else the processor), `cpu`, `cuda` or "
        "`mps`.",
    )
    trust_remote_code: tuple[str, ...] = Field(
        (),
        description="Models (a JSON list of `organisation/model@commit` or folders) that may run code of their own. "
        "Default: none.",
    )
    warm_encoders: int = Field(
        2, ge=1, description="Encoders a worker keeps loaded; least recently used go first."
    )
    model_limit: int = Field(
        20_000_000_000,
        ge=0,
        description="Bytes that a model may have which a worker downloads from the hub; larger ones are refused.",
    )
    warm_indexes: int = Field(4, ge=1, description="Search indexes a worker keeps open.")
    vectors_limit: int = Field(
        100_000_000_000,
        ge=0,
        description="Bytes that vectors and matrices may take; encoders used longest ago are dropped first.",
    )
    attempts: int = Field(3, ge=1, description="How often a job is tried before its failure is recorded.")
    retry_intervals: tuple[Annotated[int, Field(ge=0, le=LONGEST_PAUSE)], ...] = Field(
        (1, 5, 25), min_length=1, description="Seconds before the 2nd, 3rd, ... attempt."
    )
    job_timeout: int = Field(
        3600, ge=1, le=LONGEST_JOB, description="Seconds after which a running job is stopped as hung."
    )
    stream_limit: int = Field(
        20_000,
        ge=1,
        description="Results that may wait for the recorder; workers pause while there are more.",
    )
    record_batch: int = Field(
        1000, ge=1, le=1_000_000, description="Results the recorder writes in one transaction at most."
    )
    log_level: LogLevel = Field("INFO", description="Log level of server and workers.")
    log_format: LogFormat | None = Field(
        None,
        description="Form of log lines, `json` or `text`. Default: json for server and workers, text for commands.",
    )
