"""Every setting, its default and its help. Environment variables are `EVALUATOR_<NAME>`."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from evaluator.allowed_endpoint import AllowedEndpoint
from evaluator.errors import InvalidInputError
from evaluator.host_names import trusted_hosts
from evaluator.socket_path import socket_path
from evaluator.urls import keep_secrets_of, shown_url

NOT_IN_DATABASE_PATH = frozenset("?\\")
"""Characters that DuckDB reads as a URL's options or as a slash, so that it writes its log under another name."""

DEFAULT_CONCURRENCY = 5
"""Workers per machine, if it has that many cores (the number in the original decision record)."""

UNPACKED_SHARE = 4
"""Unpacked files of an upload may have this many times its limit: archives compress text to about a quarter."""
PERSON_SHARE, TOTAL_SHARE = 10, 25
"""The uploads of one person, and all uploads, may have this many times an upload's limit: an upload holds the files
that arrived, the unpacked files, and the checked dataset."""

EXAMPLE_LIST = '["one", "another"]'
SHOWN = 200
"""The most characters of a value that a message quotes."""

HOLD_SECRETS = frozenset({"redis_url", "EVALUATOR_REDIS_URL", "REDIS_URL", "artifacts", "endpoints"})
"""Settings whose values no message quotes."""

MOST_WORKERS = 1000
"""The most worker processes; a larger number is taken for a typing error."""
LONGEST_PAUSE = 24 * 3600
"""Seconds."""
LONGEST_JOB = 30 * 24 * 3600
"""Seconds."""

AuthWay = Literal["password"]
"""Ways of signing in."""


def _ways(given: object) -> object:
    """`none`, or names with commas between them."""
    if not isinstance(given, str):
        return given
    return [way for part in given.split(",") if (way := part.strip().lower()) and way != "none"]


QueueName = Literal["encode", "evaluate"]
"""The two queues: jobs that need a model, and all others."""

Device = Literal["auto", "cpu", "cuda", "mps"]
"""Where models run."""

LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]
"""Python's log levels, in upper or lower case."""

LogFormat = Literal["json", "text"]
"""One JSON object per line, or text for people."""


class Settings(BaseSettings):
    """All settings, read from the environment."""

    model_config = SettingsConfigDict(
        env_prefix="EVALUATOR_",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

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
    auth: Annotated[tuple[AuthWay, ...], NoDecode, BeforeValidator(_ways)] = Field(
        (),
        description="How people sign in: `none` (nobody has to, and whoever reaches the server may do everything) or "
        "`password`. Default: none.",
    )
    open_to_all: bool = Field(
        False,
        description="Whether the server may listen beyond loopback although nobody has to sign in "
        "(`EVALUATOR_AUTH=none`).",
    )
    session_hours: int = Field(
        24 * 14, ge=1, le=24 * 365, description="Hours after which people sign in again."
    )
    session_idle_hours: int = Field(
        24, ge=1, le=24 * 365, description="Hours without use after which people sign in again."
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
    upload_limit: int = Field(
        2_000_000_000,
        ge=1,
        description="Bytes that the files of one upload may have together; unpacked, four times as many.",
    )
    upload_open_limit: int = Field(
        100,
        ge=1,
        description="Uploads that may be open at the same time: not stored, discarded or cleared yet.",
    )
    upload_person_open_limit: int = Field(
        20, ge=1, description="Uploads that one person, which is one client address, may have open."
    )
    upload_total_limit: int | None = Field(
        None,
        ge=1,
        description="Bytes that all open uploads may hold, what was unpacked among them. Default: 25 times "
        "EVALUATOR_UPLOAD_LIMIT.",
    )
    upload_person_limit: int | None = Field(
        None,
        ge=1,
        description="Bytes that the open uploads of one person may hold. Default: 10 times EVALUATOR_UPLOAD_LIMIT.",
    )
    log_level: LogLevel = Field("INFO", description="Log level of server and workers.")
    log_format: LogFormat | None = Field(
        None,
        description="Form of log lines, `json` or `text`. Default: json for server and workers, text for commands.",
    )

    @classmethod
    def read(cls, **given: Any) -> Settings:
        """Read the settings from the environment; arguments override it.

        Raises:
            InvalidInputError: a value is not valid; names the setting.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            raise InvalidInputError(f"setting {name}: {first['msg']}{_wrong(first)}") from error
        except SettingsError as error:  # only its text names the field
            name = str(error).partition('"')[2].partition('"')[0]
            raise InvalidInputError(
                f"setting {name}: EVALUATOR_{name.upper()} is not JSON; it is a list, such as {EXAMPLE_LIST}"
            ) from error

    @model_validator(mode="after")
    def _keep_secrets(self) -> Self:
        for url in (self.redis_url and self.redis_url.get_secret_value(), self.artifacts):
            if url:
                keep_secrets_of(url)
        return self

    @cached_property
    def home_path(self) -> Path:
        """The home folder as an absolute path.

        Raises:
            InvalidInputError: the path is not valid.
        """
        try:
            home = self.home.expanduser().resolve()
            str(home).encode()
        except (
            OSError,
            RuntimeError,
            UnicodeError,
        ) as error:  # a loop of links, an unknown user, or invalid Unicode
            raise InvalidInputError(
                f"EVALUATOR_HOME {str(self.home)!r} names no folder ({error}); set it to another one"
            ) from error
        return home

    def queues_of(self, worker: int) -> tuple[QueueName, ...]:
        """The queues that a worker of this machine serves.

        Args:
            worker: the worker's number, from 1.

        Raises:
            InvalidInputError: it would serve no queue.
        """
        limits: dict[QueueName, int | None] = {
            "encode": self.encode_workers,
            "evaluate": self.evaluate_workers,
        }
        served = tuple(name for name in self.queues if (limit := limits[name]) is None or worker <= limit)
        if not served:
            raise InvalidInputError(
                f"worker {worker} would have nothing to do: EVALUATOR_ENCODE_WORKERS is {self.encode_workers} and "
                f"EVALUATOR_EVALUATE_WORKERS is {self.evaluate_workers}; raise one of them, or start fewer workers"
            )
        return served

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """Host names that requests may name, so that no other site reaches this server by renaming itself.

        Loopback names and HOST are always trusted: no other site has them, and monitoring uses them.

        Raises:
            InvalidInputError: HOST is not loopback, and nobody has to sign in or `EVALUATOR_ALLOWED_HOSTS` is not set;
                says what to set.
        """
        return trusted_hosts(self.host, self.allowed_hosts, anybody=not self.auth and not self.open_to_all)

    @property
    def artifacts_url(self) -> str:
        """The artifact store's fsspec URL or absolute folder."""
        return self.artifacts or str(self.home_path / "artifacts")

    @property
    def unpacked_limit(self) -> int:
        """The most bytes of an upload's unpacked files."""
        return UNPACKED_SHARE * self.upload_limit

    @property
    def upload_person_bytes(self) -> int:
        """Bytes that the open uploads of one person may hold."""
        return self.upload_person_limit or PERSON_SHARE * self.upload_limit

    @property
    def upload_total_bytes(self) -> int:
        """Bytes that all open uploads may hold."""
        return self.upload_total_limit or TOTAL_SHARE * self.upload_limit

    @property
    def database_path(self) -> Path:
        """The DuckDB file.

        Raises:
            InvalidInputError: DuckDB cannot open it there.
        """
        if refused := sorted(NOT_IN_DATABASE_PATH & set(str(self.home_path))):
            raise InvalidInputError(
                f"EVALUATOR_HOME is {str(self.home_path)!r}, and DuckDB opens no file whose path has a {refused[0]}; "
                "set it to another folder"
            )
        return self.home_path / "evaluator.duckdb"

    @property
    def logs_path(self) -> Path:
        """The folder of the child processes' log files."""
        return self.home_path / "logs"

    @property
    def valkey_socket(self) -> Path:
        """The embedded Valkey's unix socket: in the home folder, else in a short private folder."""
        return socket_path(self._socket_at_home, self.home_path)

    @property
    def socket_is_shared(self) -> bool:
        """Whether the socket is outside the home folder: below `XDG_RUNTIME_DIR`, or the folder for temporary files."""
        return self.embedded_queue and self.valkey_socket != self._socket_at_home

    @property
    def _socket_at_home(self) -> Path:
        return self.home_path / "valkey" / "valkey.sock"

    @property
    def queue_url(self) -> str:
        """The queue's URL with its password: `REDIS_URL`, or the embedded Valkey's socket. Only to connect with."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        return f"unix://{quote(str(self.valkey_socket))}"

    @property
    def shown_queue(self) -> str:
        """The queue's URL without its password, for people."""
        return shown_url(self.queue_url)

    @property
    def embedded_queue(self) -> bool:
        """Whether this installation starts its own Valkey."""
        return self.redis_url is None


def _wrong(error: ErrorDetails) -> str:
    """The value that is refused, in short; nothing if it may hold a secret."""
    if error["loc"][0] in HOLD_SECRETS:
        return ""
    wrong = repr(error["input"])
    return f", not {wrong if len(wrong) <= SHOWN else wrong[:SHOWN] + '…'}"
