"""Every setting, its default and its help. Environment variables are `EVALUATOR_<NAME>`."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from pydantic import (
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from evaluator.errors import InvalidInputError
from evaluator.host_names import trusted_hosts
from evaluator.settings.general import GeneralSettings
from evaluator.settings.kinds import QueueName
from evaluator.settings.notifications import NotificationSettings
from evaluator.settings.people import PeopleSettings
from evaluator.settings.uploads import UploadSettings
from evaluator.socket_path import socket_path
from evaluator.urls import keep_secret, keep_secrets_of, shown_url

NOT_IN_DATABASE_PATH = frozenset("?\\")
"""Characters that DuckDB reads as a URL's options or as a slash, so that it writes its log under another name."""

EXAMPLE_LIST = '["one", "another"]'
SHOWN = 200
"""The most characters of a value that a message quotes."""

HOLD_SECRETS = frozenset(
    {
        "redis_url",
        "EVALUATOR_REDIS_URL",
        "REDIS_URL",
        "artifacts",
        "endpoints",
        "oidc_providers",
        "proxy_secret",
        "webhook_url",
        "webhook_key",
        "smtp_password",
    }
)
"""Settings whose values no message quotes."""


class Settings(NotificationSettings, UploadSettings, PeopleSettings, GeneralSettings, BaseSettings):
    """All settings, read from the environment."""

    model_config = SettingsConfigDict(
        env_prefix="EVALUATOR_",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
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
        if self.proxy_secret is not None:
            keep_secret(self.proxy_secret.get_secret_value())
        for secret in (self.webhook_key, self.smtp_password):
            if secret is not None:
                keep_secret(secret.get_secret_value())
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
            InvalidInputError: a way of signing in lacks something; or HOST is not loopback, and nobody has to sign in
                or `EVALUATOR_ALLOWED_HOSTS` is not set; says what to set.
        """
        self.require_whole_auth()
        return trusted_hosts(self.host, self.allowed_hosts, anybody=not self.auth and not self.open_to_all)

    @property
    def artifacts_url(self) -> str:
        """The artifact store's fsspec URL or absolute folder."""
        return self.artifacts or str(self.home_path / "artifacts")

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
