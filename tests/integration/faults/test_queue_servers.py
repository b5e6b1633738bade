"""The queue on servers as teams run them: with a user of few rights, by TLS, and with a failover in the middle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from evaluator.errors import InstanceRunningError, QueueUnavailableError
from evaluator.experiments import lifecycle
from evaluator.jobs import connection as connection_module
from evaluator.jobs.connection import require
from evaluator.jobs.processes.claim import Claim
from evaluator.jobs.server.rights import COMMANDS, GRANT
from evaluator.operations.instance import headless
from evaluator.settings import Settings
from tests.integration.conftest import Row, follow, run_experiment, stored_rows
from tests.integration.faults.conftest import Describe
from tests.integration.faults.faults import Faults, wait_until
from tests.tls_server import make_certificate, tls_before
from tests.unit.jobs.embedded import tcp_valkey, watched_valkeys

OWN = {"acl|setuser", "config|resetstat", "info"}
"""Commands of this test itself."""
FREE = {"hello", "discard", "exec", "multi"}
"""Commands that come with others: nobody is let in without HELLO, and MULTI, which is asked for first, has two more."""


def elsewhere(settings: Settings, url: str) -> Settings:
    """The same instance with its queue at a URL."""
    return Settings(home=settings.home, workers=2, retry_intervals=(0,), redis_url=url)


def test_a_user_of_few_rights_runs_an_experiment(
    settings: Settings, faults: Faults, describe: Describe, tmp_path: Path, undisturbed_rows: list[Row]
) -> None:
    """And no command is used whose right is not asked for at the start."""
    with tcp_valkey(tmp_path / "valkey") as port, Redis(port=port) as admin:
        admin.execute_command("ACL SETUSER", "ann", "on", ">geheim", *GRANT.split())
        admin.execute_command("ACL SETUSER", "default", "nopass", "on")
        admin.config_resetstat()
        limited = elsewhere(settings, f"redis://ann:geheim@127.0.0.1:{port}/0")
        assert run_experiment(limited, describe()).status == "finished"
        used = {name.removeprefix("cmdstat_") for name in admin.info("commandstats")}
        refused = [entry for entry in admin.acl_log() if entry["username"] == "ann"]
    asked = {command.lower().split()[0] for command in COMMANDS}
    assert {name.partition("|")[0] for name in used - OWN - FREE} <= asked
    assert refused == []
    assert stored_rows(limited) == undisturbed_rows


@contextmanager
def tls_valkey(folder: Path) -> Iterator[tuple[int, Path]]:
    """A port that speaks TLS, and the authority that vouches for it."""
    with ExitStack() as stack:
        certificate, key = make_certificate(folder)
        port = stack.enter_context(tcp_valkey(folder / "valkey"))
        stack.enter_context(Redis(port=port)).config_set("requirepass", "geheim")
        yield stack.enter_context(tls_before(port, certificate, key)), certificate


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_an_experiment_runs_by_tls(
    settings: Settings,
    faults: Faults,
    describe: Describe,
    tmp_path: Path,
    undisturbed_rows: list[Row],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tls_valkey(tmp_path) as (port, authority):
        url = f"rediss://:geheim@localhost:{port}/0"
        encrypted = elsewhere(settings, f"{url}?ssl_ca_certs={authority}")
        assert run_experiment(encrypted, describe()).status == "finished"
        monkeypatch.setattr(connection_module, "RECONNECT_ATTEMPTS", 0)
        for options, problem in (
            ("", "CERTIFICATE_VERIFY_FAILED"),
            (f"?ssl_ca_certs={authority}", "mismatch"),
        ):
            host = "localhost" if not options else "127.0.0.1"
            with pytest.raises(QueueUnavailableError, match=problem) as caught:
                require(Settings(redis_url=url.replace("localhost", host) + options))
            assert "geheim" not in str(caught.value)
    assert stored_rows(encrypted) == undisturbed_rows


def test_an_experiment_outlives_a_failover(
    settings: Settings, faults: Faults, describe: Describe, tmp_path: Path, undisturbed_rows: list[Row]
) -> None:
    """The replica may lack the master's last changes: what is missing is planned again."""
    with watched_valkeys(tmp_path) as (url, master):
        watched = elsewhere(settings, url)
        with headless(watched, 2) as running, faults.hold("evaluate"):
            running.supervisor.add_workers(1)
            submitted = lifecycle.submit(running.workspace, describe(), allow_paths=True)
            faults.wait_for("evaluate", 2)
            master.kill()
            wait_until(lambda: answers_as_master(watched))
            with pytest.raises(InstanceRunningError, match="is used by another instance"):
                Claim(watched, "another").take()
            faults.release("evaluate")
            assert follow(running.workspace, submitted).status == "finished"
    assert stored_rows(watched) == undisturbed_rows


def answers_as_master(settings: Settings) -> bool:
    """Whether there is a master again."""
    try:
        with require(settings) as client:
            return bool(client.role()[0] == b"master")
    except QueueUnavailableError:
        return False
