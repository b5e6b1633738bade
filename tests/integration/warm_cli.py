"""Commands in processes of their own that need no start: forked from a process that has imported what they use.

To start Python and to import what a command needs takes two seconds of a processor, more than most commands take.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

IMPORTED = ["evaluator.cli.main", "evaluator.workspace.workspace", "evaluator.operations.keeper", "pandas"]
"""What the process has imported from which commands are forked; none of it starts a thread or reads a setting."""


def run_command(
    args: list[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `evaluator` with arguments to its end, in a folder and an environment.

    Raises:
        subprocess.TimeoutExpired: it takes longer, in seconds.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    out, err = folder / ".stdout", folder / ".stderr"
    process = context.Process(
        target=_command, args=(args, str(folder), dict(environment), str(out), str(err))
    )
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise subprocess.TimeoutExpired(args, timeout, out.read_text(), err.read_text())
    finished = subprocess.CompletedProcess(args, process.exitcode, out.read_text(), err.read_text())
    out.unlink()
    err.unlink()
    return finished


def _command(args: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> None:
    for path, descriptor in ((out, 1), (err, 2), (os.devnull, 0)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["evaluator", *args]
    runpy.run_module("evaluator.cli", run_name="__main__", alter_sys=False)
