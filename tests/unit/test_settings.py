"""Settings: where they come from, what follows from them, and that docs/configuration.md tells all of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from evaluator.errors import InvalidInputError
from evaluator.settings import DEFAULT_CONCURRENCY, Settings
from evaluator.socket_path import MAX_SOCKET_PATH

CONFIGURATION = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

DESCRIBED_DEFAULTS = {"workers": "min(5, cores)"}
"""Defaults that depend on the machine, in words."""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from the environment that runs the tests."""
    for name in os.environ:
        if name.startswith("EVALUATOR_") or name == "REDIS_URL":
            monkeypatch.delenv(name)


def documented_row(name: str, field: FieldInfo) -> str:
    """The line of docs/configuration.md that a setting must have."""
    variable = "`REDIS_URL`" if name == "redis_url" else f"`EVALUATOR_{name.upper()}`"
    return f"| {variable} | {default_text(name, field)} | {field.description} |"


def default_text(name: str, field: FieldInfo) -> str:
    if name in DESCRIBED_DEFAULTS:
        return DESCRIBED_DEFAULTS[name]
    if field.default is None:
        return "–"
    shown = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{shown}`"


class TestDocumentation:
    def test_every_setting_has_its_row(self) -> None:
        """Fails when a setting, its default or its help changes; the message is the row to write."""
        lines = CONFIGURATION.read_text(encoding="utf-8").splitlines()
        rows = [documented_row(name, field) for name, field in Settings.model_fields.items()]
        assert [row for row in rows if row not in lines] == []

    def test_no_row_is_of_a_setting_that_is_gone(self) -> None:
        text = CONFIGURATION.read_text(encoding="utf-8")
        documented = re.findall(r"^\| `(?:EVALUATOR_)?([A-Z_]+)` \|", text, flags=re.MULTILINE)
        assert [name.lower() for name in documented] == list(Settings.model_fields)

    def test_every_setting_has_help(self) -> None:
        assert [name for name, field in Settings.model_fields.items() if not field.description] == []


class TestSources:
    def test_a_setting_is_read_from_its_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVALUATOR_PORT", "8600")
        monkeypatch.setenv("EVALUATOR_HOME", "/srv/evaluator")
        monkeypatch.setenv("EVALUATOR_RETRY_INTERVALS", "[2, 4]")
        settings = Settings()
        assert (settings.port, settings.home, settings.retry_intervals) == (
            8600,
            Path("/srv/evaluator"),
            (2, 4),
        )

    def test_an_argument_wins_over_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVALUATOR_PORT", "8600")
        assert Settings(port=8700).port == 8700

    @pytest.mark.parametrize("variable", ["REDIS_URL", "EVALUATOR_REDIS_URL"])
    def test_redis_is_named_by_its_usual_variable_or_by_ours(
        self, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, "redis://queue:6379/0")
        settings = Settings()
        assert settings.queue_url == "redis://queue:6379/0"
        assert not settings.embedded_queue

    def test_our_variable_wins_over_the_usual_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "redis://somebody-elses:6379/0")
        monkeypatch.setenv("EVALUATOR_REDIS_URL", "redis://queue:6379/0")
        assert Settings().queue_url == "redis://queue:6379/0"

    def test_what_others_call_theirs_is_passed_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", "1")
        monkeypatch.setenv("EVALUATOR_SOMETHING_NEWER", "x")
        assert Settings().port == 8501

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("EVALUATOR_PORT", "65536"),
            ("EVALUATOR_WORKERS", "-1"),
            ("EVALUATOR_THREADS_PER_WORKER", "0"),
            ("EVALUATOR_RETRY_INTERVALS", "[]"),
        ],
    )
    def test_a_value_that_cannot_be_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        with pytest.raises(ValidationError, match=variable.removeprefix("EVALUATOR_").lower()):
            Settings()


class TestNonsense:
    """Whatever is in a variable, what it says is one sentence that names the setting."""

    VALUES = ("nonsense", "-1", "9" * 30, "[", "[1", '{"a": 1}', "NaN", "1e308", "\udcff", "x" * 5000)
    ANY_TEXT = frozenset(
        {
            "home",
            "artifacts",
            "redis_url",
            "host",
            "server",
            "token",
            "smtp_user",
            "smtp_password",
            "webhook_key",
        }
    )
    """Settings that any text may be; whether it names something is seen when it is used."""
    BOUNDED = frozenset({"port", "workers", "threads_per_worker", "job_timeout", "record_batch"})
    """Numbers that something else takes: an operating system, a timer, Redis. Any other may be as large as you like."""

    @pytest.mark.parametrize("name", sorted(Settings.model_fields))
    def test_is_refused(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        for value in self.VALUES:
            monkeypatch.setenv(f"EVALUATOR_{name.upper()}", value)
            try:
                Settings.read()
            except InvalidInputError as error:
                said = str(error)
                assert (
                    said.lower().startswith(f"setting {name}".lower()) or f"EVALUATOR_{name.upper()}" in said
                )
                assert len(said) < 600
                assert "\n" not in said
            else:
                assert name in self.ANY_TEXT or (value.isdigit() and name not in self.BOUNDED), (name, value)

    @pytest.mark.parametrize("name", sorted(Settings.model_fields))
    def test_an_empty_variable_is_one_that_is_not_set(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """As in `EVALUATOR_HOME=${FOLDER}`, or in a compose file."""
        for variable in {f"EVALUATOR_{name.upper()}", "REDIS_URL"}:
            monkeypatch.setenv(variable, "")
        assert Settings.read() == Settings()
        assert Settings.read().home == Path(".evaluator")
        assert Settings.read().embedded_queue

    def test_a_level_is_read_in_any_case(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVALUATOR_LOG_LEVEL", "warning")
        assert Settings.read().log_level == "WARNING"

    @pytest.mark.parametrize("arguments", [["-m", "evaluator.jobs.processes.worker"], ["-c", "import app"]])
    def test_ends_a_worker_and_a_server_with_one_line(self, arguments: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], env={**os.environ, "EVALUATOR_PORT": "-1"},
            cwd=CONFIGURATION.parents[1], capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("error: setting port: Input should be greater than")
        assert "Traceback" not in done.stderr


class TestDefaults:
    @pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (5, 5), (64, 5), (None, 1)])
    def test_workers_are_five_where_there_are_cores_for_them(
        self, monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int
    ) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        assert DEFAULT_CONCURRENCY == 5
        assert Settings().workers == workers

    def test_only_this_machine_is_served(self) -> None:
        assert Settings().host == "127.0.0.1"

    def test_state_is_in_the_current_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        settings = Settings()
        assert settings.home_path == tmp_path / ".evaluator"
        assert settings.database_path == tmp_path / ".evaluator" / "evaluator.duckdb"
        assert settings.artifacts_url == str(tmp_path / ".evaluator" / "artifacts")

    def test_artifacts_may_be_elsewhere(self) -> None:
        assert Settings(artifacts="s3://bucket/evaluator").artifacts_url == "s3://bucket/evaluator"


class TestTrustedHosts:
    """A website that gives its own name this server's address (DNS rebinding) is told by the name."""

    LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
    def test_on_loopback_they_are_loopback_names(self, host: str) -> None:
        assert Settings(host=host).trusted_hosts == self.LOOPBACK

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "evaluator.example.org"])
    def test_beyond_it_nobody_is_trusted_unnamed(self, host: str) -> None:
        with pytest.raises(
            InvalidInputError, match=r"""EVALUATOR_ALLOWED_HOSTS='\["evaluator.example.org"\]'"""
        ):
            _ = Settings(host=host, auth="password").trusted_hosts

    @pytest.mark.parametrize("auth", ["none", ""])
    def test_beyond_it_people_sign_in_unless_it_is_open_to_all(self, auth: str) -> None:
        with pytest.raises(InvalidInputError, match="nobody has to sign in"):
            _ = Settings(host="0.0.0.0", allowed_hosts=("evaluator.example.org",), auth=auth).trusted_hosts
        opened = Settings(
            host="0.0.0.0", allowed_hosts=("evaluator.example.org",), auth=auth, open_to_all=True
        )
        assert "evaluator.example.org" in opened.trusted_hosts

    def test_ways_of_signing_in_are_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVALUATOR_AUTH", " Password ")
        assert Settings.read().auth == ("password",)
        monkeypatch.setenv("EVALUATOR_AUTH", "passwort")
        with pytest.raises(InvalidInputError, match="setting auth"):
            Settings.read()

    def test_named_ones_come_beside_what_watches_the_server(self) -> None:
        settings = Settings(host="0.0.0.0", allowed_hosts=("evaluator.example.org",), open_to_all=True)
        assert settings.trusted_hosts == ("evaluator.example.org", *self.LOOPBACK)
        settings = Settings(host="192.168.1.5", allowed_hosts=("evaluator.example.org",), auth="password")
        assert settings.trusted_hosts == ("evaluator.example.org", "192.168.1.5", *self.LOOPBACK)

    @pytest.mark.parametrize(
        "arguments", [["-m", "evaluator.cli", "up", "--port", "0"], ["-c", "import app"]]
    )
    def test_the_server_does_not_start_and_says_what_to_write(
        self, tmp_path: Path, arguments: list[str]
    ) -> None:
        environment = {**os.environ, "EVALUATOR_HOME": str(tmp_path / "home"), "EVALUATOR_HOST": "0.0.0.0"}
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment, cwd=CONFIGURATION.parents[1], capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode in {1, 2}
        assert done.stderr.splitlines()[-1].startswith("error: EVALUATOR_HOST is 0.0.0.0")
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "home").exists()


class TestSocket:
    """A unix socket's path may have 104 bytes on macOS and 108 on Linux; home folders may be deeper."""

    def test_is_in_the_home_folder(self) -> None:
        settings = Settings(home=Path("/srv/evaluator"))
        assert settings.valkey_socket == Path("/srv/evaluator/valkey/valkey.sock")
        assert settings.queue_url == "unix:///srv/evaluator/valkey/valkey.sock"
        assert settings.embedded_queue

    # "/valkey/valkey.sock" has 19 bytes: a home of 81 bytes gives a path of 100, the longest that is used.
    def test_moves_where_paths_are_short_if_the_home_is_too_deep(self) -> None:
        fits, too_deep = Path("/" + "h" * 80), Path("/" + "h" * 81)
        assert Settings(home=fits).valkey_socket == fits / "valkey" / "valkey.sock"
        moved = Settings(home=too_deep).valkey_socket
        assert moved.is_relative_to(Path(tempfile.gettempdir()) / f"evaluator-{os.getuid()}")
        assert len(os.fsencode(moved)) <= MAX_SOCKET_PATH

    def test_counts_bytes_not_characters(self) -> None:
        home = Path("/" + "ä" * 50)  # 51 characters, 101 bytes
        assert not Settings(home=home).valkey_socket.is_relative_to(home)

    def test_every_deep_home_has_its_own(self) -> None:
        homes = [Path("/" + "h" * 100 + end) for end in "ab"]
        first, second = (Settings(home=home).valkey_socket for home in homes)
        assert first != second
        assert first == Settings(home=homes[0]).valkey_socket
