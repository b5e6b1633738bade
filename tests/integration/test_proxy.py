"""An instance where the environment names a proxy, and no exception from it: on this machine nothing needs one."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from evaluator.domain.status import ACTIVE
from evaluator.proxies import direct_client
from tests.conftest import WriteDataset
from tests.integration.conftest import TIMEOUT, Cli, cli_command, cli_environment, experiment_yaml, free_port
from tests.proxy_server import PROXIES, refusing_proxy

SERVES = "Serving at "


@pytest.mark.parametrize("socks", [False, True])
def test_an_instance_and_its_commands_work_behind_a_proxy(
    tmp_path: Path, cli: Cli, write_dataset: WriteDataset, socks: bool
) -> None:
    folder = write_dataset("tiny")
    with refusing_proxy() as proxy:
        url = proxy.url.replace("http://", "socks5://") if socks else proxy.url
        behind = {**dict.fromkeys(PROXIES, url), "NO_PROXY": "", "no_proxy": ""}
        port = free_port()
        up = subprocess.Popen(
            cli_command("up", "--port", str(port), "--workers", "1"),
            cwd=tmp_path,
            env=cli_environment(tmp_path, behind),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert up.stderr is not None
            told = []
            for line in up.stderr:  # until it serves, or ends
                told.append(line)
                if line.startswith(SERVES):
                    break
            assert told[-1].startswith(SERVES), told

            imported = cli("dataset", "import", folder, env=behind)
            assert imported.returncode == 0, imported.stderr
            with direct_client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yaml = experiment_yaml("tiny", {"bm25": {"bm25": {}}})
                submitted = client.post("/api/experiments", json={"yaml": yaml}).json()
                deadline = time.monotonic() + 60
                while client.get(f"/api/experiments/{submitted['id']}").json()["status"] in ACTIVE:
                    assert time.monotonic() < deadline
            board = cli("leaderboard", env=behind)
            assert (board.returncode, "bm25" in board.stdout) == (0, True), board.stderr
            cancelled = cli("cancel", submitted["id"], "--port", str(port), env=behind)
            assert "is finished already" in cancelled.stderr  # the server was asked, and answered
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=TIMEOUT)
        assert proxy.asked == []
