"""Whatever goes wrong with the queue, and whatever its password is: no command, page, route or log tells it."""

from __future__ import annotations

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
from redis import Redis

from tests.conftest import WriteDataset
from tests.integration.conftest import (
    TIMEOUT,
    Cli,
    cli_command,
    cli_environment,
    experiment_yaml,
    free_port,
    wait_until_ready,
)
from tests.integration.faults.faults import wait_until
from tests.unit.jobs.embedded import running_valkey, tcp_valkey

PASSWORD = "gehe#im/@?% wort"
PARTS = ("gehe", "im/@", "wort", quote(PASSWORD, safe=""))
"""What no text may hold, of the password as it is, cut, or quoted."""

LOCATION = "redis://ann:{}@127.0.0.1:{}/0"


def told(text: str) -> list[str]:
    """The parts of the password that a text tells."""
    return [part for part in PARTS if part in text]


def test_no_command_tells_the_password(cli: Cli, write_dataset: WriteDataset, tmp_path: Path) -> None:
    """Unreadable, unreachable, and wrong."""
    file = tmp_path / "experiment.yaml"
    file.write_text(experiment_yaml(write_dataset(), {"bm25": {"bm25": {}}}))
    commands = (
        ("doctor",),
        ("doctor", "--json"),
        ("up", "--port", str(free_port())),
        ("worker",),
        ("run", file),
    )
    with tcp_valkey(tmp_path / "valkey") as port:
        urls = (
            LOCATION.format(PASSWORD, port),
            LOCATION.format(PASSWORD, port).partition("@")[0],  # as a shell or an .env file leaves it
            LOCATION.format(quote(PASSWORD, safe=""), free_port()),
            LOCATION.format(quote(PASSWORD, safe=""), port),
        )
        tries = [(command, url) for command in commands for url in urls]

        def run(number: int) -> subprocess.CompletedProcess[str]:
            command, url = tries[number]
            return cli(*command, env={"EVALUATOR_HOME": str(tmp_path / f"home-{number}"), "REDIS_URL": url})

        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(run, range(len(tries))))
    for (command, url), ended in zip(tries, done, strict=True):
        said = ended.stdout + ended.stderr
        assert ended.returncode in (1, 2), (command, url, said)
        assert "REDIS_URL" in said
        assert "Traceback" not in said
        assert told(said) == [], (command, url)
    logs = [log.read_text() for log in tmp_path.glob("home-*/**/*.log")]
    assert [told(log) for log in logs if told(log)] == []


def test_no_page_route_or_log_tells_it_when_the_queue_dies(tmp_path: Path) -> None:
    port, address = free_port(), f"http://127.0.0.1:{free_port()}"
    environment = {
        "REDIS_URL": LOCATION.format(quote(PASSWORD, safe=""), port),
        "EVALUATOR_LOG_LEVEL": "DEBUG",
    }
    with running_valkey(port, "--save", "", "--dir", str(tmp_path)) as valkey:
        with Redis(port=port) as admin:
            admin.execute_command("ACL SETUSER", "ann", "on", f">{PASSWORD}", "~*", "&*", "+@all")
        up = subprocess.Popen(
            cli_command("up", "--port", address.rpartition(":")[2], "--workers", "1"),
            cwd=tmp_path,
            env=cli_environment(tmp_path, environment),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until_ready(up, address)
            paths = (
                "/api/health",
                "/api/metrics",
                "/queue/",
                "/queue/0/data/workers.json",
                "/api/dead-letters",
            )
            said = [httpx.get(address + path, timeout=60).text for path in paths]
            valkey.kill()
            wait_until(lambda: not httpx.get(f"{address}/api/health").json()["ready"])
            said += [httpx.get(address + path, timeout=60).text for path in (paths[0], paths[-2])]
        finally:
            up.send_signal(signal.SIGINT)
            said.append(up.communicate(timeout=TIMEOUT)[1])
    assert any(f"redis://ann:***@127.0.0.1:{port}/0" in text for text in said)
    said += [log.read_text() for log in (tmp_path / "home" / "logs").glob("*.log")]
    assert [(told(text), text) for text in said if told(text)] == []
