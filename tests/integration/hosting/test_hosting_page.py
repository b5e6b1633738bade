"""Every command of docs/hosting.md is run, in the page's order, by somebody who has nothing but the page.

No engine for containers and no cluster is here: `docker compose exec server X` runs X beside the server of the same
arrangement without containers (`tests.hosted`), what compose is told is compared with its file, and Helm's own engine
renders the chart with the page's values.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.hosted import ROOT, Hosted, caddy, composed, hosted, wait_until
from tests.unit.jobs.embedded import free_port, tcp_valkey
from tests.unit.test_helm_chart import render

PAGE = ROOT / "docs" / "hosting.md"
PASSWORD = "correct horse battery"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS, SETTINGS = "", "bash"
"""Languages of blocks: those without one hold commands; the others settings for services that others run."""
WORKS = {"account", "dataset", "leaderboard", "login", "project", "run", "share"}
"""Commands of `evaluator` that are run as they are; those that serve are started, and stopped once they say so."""
SAYS = {"up": "Serving at", "worker": "workers on"}


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [block for named, block in FENCED.findall(text) if named == language]


def sections() -> list[tuple[str, list[str]]]:
    """The page's sections, in order, and the commands of each."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    told = zip(["From nothing", *parts[1::2]], parts[::2], strict=True)
    return [
        (title, [line for block in blocks(text, COMMANDS) for line in block.splitlines() if line.strip()])
        for title, text in told
    ]


class Reader:
    """Somebody at a shell, who types one command after the other."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._section = ExitStack()
        self._variables: dict[str, str] = {}
        self._address: str | None = None
        self._instance: Hosted | None = None
        self._manifests: list[dict[str, Any]] = []
        self.links: list[str] = []
        self.shared: list[str] = []
        (folder / "data").symlink_to(ROOT / "data")
        (folder / "my-dataset").symlink_to(ROOT / "data" / "beir")
        (folder / "deploy").symlink_to(ROOT / "deploy")

    def type(self, line: str) -> None:
        """Run a command, whatever takes its part here."""
        program, *_ = line.split()
        by_program: dict[str, Callable[[str], None]] = {
            "echo": self._shell, "chmod": self._shell, "export": self._export, "docker": self._docker,
            "evaluator": self._evaluator, "ACL": self._redis, "helm": self._helm, "kubectl": self._kubectl,
        }  # fmt: skip
        name = "evaluator" if "=" in program else program
        assert name in by_program, (
            f"say how `{line}` is run: docs/hosting.md has only commands that a test runs"
        )
        by_program[name](line)

    def turn_to(self, title: str) -> None:
        """Begin a section: stop what an earlier one started, but for the instance of the first steps."""
        self._section.close()
        self._section, self._variables, self._address = ExitStack(), {}, None
        self._stack.callback(self._section.close)
        self._home = self._folder / re.sub(r"\W+", "-", title).lower()

    @property
    def instance(self) -> Hosted:
        assert self._instance is not None, "the page uses the instance before it starts one"
        return self._instance

    def join(self, link: str) -> None:
        """Follow an invitation's link, as its reader does."""
        with self.instance.client(headers={"origin": self.instance.address}) as client:
            assert client.post(link, data={"password": PASSWORD, "again": PASSWORD}).status_code == 303

    def _join_here(self, link: str) -> None:
        with httpx.Client(base_url=self._address or "", trust_env=False) as client:
            assert client.post(link, data={"password": PASSWORD, "again": PASSWORD}).status_code == 303

    def _shell(self, line: str) -> None:
        subprocess.run(["sh", "-euc", line], cwd=self._folder, check=True)

    def _export(self, line: str) -> None:
        for word in shlex.split(line)[1:]:
            name, _, value = word.partition("=")
            self._variables[name] = self._ours(value)

    def _ours(self, value: str) -> str:
        """A value with this machine's folders and its queue in the place of the page's."""
        for folder in ("/mnt/shared", "/var/lib"):
            value = value.replace(folder, str(self._folder / "elsewhere"))
        if value.startswith("redis://:password@queue:6379"):
            port = self._section.enter_context(tcp_valkey(self._folder / "another-queue"))
            with Redis(port=port) as client:
                client.config_set("requirepass", "password")
            value = value.replace("queue:6379", f"127.0.0.1:{port}")
        return value

    def _docker(self, line: str) -> None:
        _, compose, verb, *rest = shlex.split(line.partition(" && ")[0])
        assert compose == "compose"
        getattr(self, f"_compose_{verb}")(rest)
        if chained := line.partition(" && ")[2]:
            self._docker(chained)

    def _compose_up(self, rest: list[str]) -> None:
        """As compose does: from the file beside it."""
        given = dict(each.split("=", 1) for each in (self._folder / ".env").read_text().split())
        services = composed(given)
        scaled = [each.partition("=")[0] for each in rest if "=" in each]
        assert {*scaled} <= {*services}
        assert (self._folder / ".env").stat().st_mode & 0o077 == 0
        (self._folder / "hosted").mkdir()
        self._instance = self._stack.enter_context(hosted(self._folder / "hosted", workers=1, given=given))

    def _compose_build(self, rest: list[str]) -> None:
        asked = re.findall(r"--build-arg (\w+)=", " ".join(rest))
        dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        assert asked
        assert all(f"\nARG {name}\n" in dockerfile for name in asked)

    def _compose_exec(self, rest: list[str]) -> None:
        service, program, *arguments = rest
        assert service in composed({"DOMAIN": "x", "QUEUE_PASSWORD": "x"})
        assert program == "evaluator"
        if arguments[:2] == ["account", "add-admin"]:
            self._asked_for_a_password(arguments)
            return
        arguments = [each.replace("/tmp/", f"{self._folder}/") for each in arguments]
        printed = self.instance.command(*arguments)
        if arguments[:2] == ["account", "invite"]:
            self.links.append(printed.splitlines()[-1])

    def _asked_for_a_password(self, arguments: list[str]) -> None:
        """Without a terminal the question's answers come by standard input."""
        done = subprocess.run(
            [sys.executable, "-m", "evaluator.cli", *arguments],
            env=self.instance.environment, input=f"{PASSWORD}\n{PASSWORD}\n", text=True, capture_output=True,
            start_new_session=True, check=False, cwd=self._folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def _compose_cp(self, rest: list[str]) -> None:
        source, _ = rest
        service, _, path = source.partition(":")
        assert service in composed({"DOMAIN": "x", "QUEUE_PASSWORD": "x"})
        assert path.startswith("/tmp/")
        assert (self._folder / Path(path).name).exists()

    def _compose_run(self, rest: list[str]) -> None:
        """`run --rm --volume FILE:PATH:ro SERVICE COMMAND`: into a new home."""
        service = rest.index("server")
        mounted = rest[rest.index("--volume") + 1].replace("$PWD", str(self._folder)).split(":")
        verb, path = rest[service + 1 :]
        assert path == mounted[1]
        self._run([verb, mounted[0]], {"EVALUATOR_HOME": str(self._folder / "restored")})
        assert (self._folder / "restored" / "evaluator.duckdb").exists()

    def _evaluator(self, line: str) -> None:
        words = shlex.split(line)
        own = dict(word.split("=", 1) for word in words[: words.index("evaluator")])
        verb, *arguments = words[words.index("evaluator") + 1 :]
        chosen = []
        if verb == "--project":
            chosen, (verb, *arguments) = ["--project", arguments[0]], arguments[1:]
        environment = {name: self._ours(value) for name, value in own.items()}
        if verb in SAYS:
            self._serves(verb, arguments, environment)
            return
        assert verb in WORKS
        if any("https://localhost" in each for each in arguments):
            environment["SSL_CERT_FILE"] = str(self.instance.authority)
            arguments = [each.replace("https://localhost", self.instance.address) for each in arguments]
        given = f"{PASSWORD}\n{PASSWORD}\n"
        if verb == "login":  # which asks a terminal
            arguments, given = [*arguments, "--token-stdin"], f"{self._token()}\n"
        printed = self._run([*chosen, verb, *arguments], environment, given)
        if arguments[0] in {"invite", "reset"} and self._address is not None:
            self._join_here(printed.splitlines()[-1])
        if verb == "share":
            self.shared.append(printed.splitlines()[-1])

    def _token(self) -> str:
        """What the page *Account* gives."""
        with self.instance.client(headers={"origin": self.instance.address}) as client:
            signed_in = client.post("/login", data={"name": "ann", "password": PASSWORD})
            kept = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
            made = client.post("/api/tokens", json={"name": "laptop"}, headers=kept).raise_for_status()
        return str(made.json()["token"])

    def _run(self, arguments: list[str], environment: dict[str, str], given: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "evaluator.cli", *arguments],
            env=self._clean(environment), input=given, text=True, capture_output=True, start_new_session=True,
            check=False, cwd=self._folder,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def _clean(self, more: dict[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("EVALUATOR_", "REDIS_"))}
        own = {
            "EVALUATOR_HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._folder / "config"),
        }
        return {**kept, **own, **self._variables, **more}

    def _serves(self, verb: str, arguments: list[str], environment: dict[str, str]) -> None:
        """Start what serves, on a free port and with one worker, and go on once it says so."""
        port = free_port()
        environment = self._clean({"EVALUATOR_WORKERS": "0", **environment, "EVALUATOR_PORT": str(port)})
        arguments = ["1" if each.isdigit() else each for each in arguments]
        log = self._folder / f"{port}.log"
        self._section.enter_context(served(verb, arguments, environment, log))
        if verb == "up":
            self._address = f"http://127.0.0.1:{port}"

    def _redis(self, line: str) -> None:
        with tcp_valkey(self._folder / "acl") as port, Redis(port=port) as client:
            assert client.execute_command(*line.split()) in {b"OK", True}

    def _helm(self, line: str) -> None:
        words = shlex.split(line)
        assert words[1] == "install"
        assert (self._folder / words[3] / "Chart.yaml").exists()
        values: dict[str, Any] = {}
        for word in (word for before, word in pairwise(words) if before == "--set"):
            *parents, last = word.partition("=")[0].split(".")
            inner = values
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = word.partition("=")[2]
        rendered = render(values)
        assert rendered.error is None
        self._manifests = rendered.manifests
        (server,) = [each for each in rendered.manifests if each["kind"] == "StatefulSet"]
        assert server["metadata"]["name"] == f"{words[2]}-evaluator-server"

    def _kubectl(self, line: str) -> None:
        words = shlex.split(line)
        if words[1] == "create":
            assert words[2:4] == ["secret", "generic"]
            assert words[5].startswith("--from-literal=url=rediss://")
            page = PAGE.read_text(encoding="utf-8")
            assert f"existingSecret.name={words[4]}" in page
            return
        assert words[1] == "exec"
        (target,) = [word for word in words if word.startswith("statefulset/")]
        names = [each["metadata"]["name"] for each in self._manifests]
        assert target.partition("/")[2] in names
        assert words[words.index("--") + 1 :][:3] == ["evaluator", "account", "add-admin"]


@contextmanager
def served(verb: str, arguments: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    """A command that serves, from when it says so to the end."""
    command = [sys.executable, "-m", "evaluator.cli", verb, *arguments]
    with log.open("wb") as written:
        process = subprocess.Popen(command, env=environment, stderr=written, cwd=log.parent)
    try:
        wait_until(lambda: SAYS[verb] in log.read_text() or process.poll() is not None, verb)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    caddy()
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)


@pytest.mark.timeout(600)
def test_from_nothing_to_three_people(reader: Reader) -> None:
    """And through the rest of the page; at the end ann, bob and carl can all sign in."""
    pages = sections()
    assert sum(len(lines) for _, lines in pages) > 20
    for title, lines in pages:
        reader.turn_to(title)
        for line in lines:
            reader.type(line)
        if title == "From nothing":
            for link in reader.links:
                reader.join(link)
            told = json.loads(reader.instance.command("account", "list", "--json"))
            roles = {
                row["name"]: "everything" if row["is_admin"] else [*row["roles"].values()] for row in told
            }
            assert roles == {"ann": "everything", "bob": ["editor"], "carl": ["judge"]}
    with reader.instance.client(headers={"origin": reader.instance.address}) as client:
        for name in ("ann", "bob", "carl"):
            assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    (link,) = reader.shared
    with reader.instance.client() as stranger:
        assert "<h1>first look</h1>" in stranger.get(link).text


@pytest.mark.parametrize("way", ["oidc", "proxy"])
def test_examples_of_settings_are_ones_that_the_server_takes(way: str) -> None:
    (example,) = (
        block for block in blocks(PAGE.read_text(encoding="utf-8"), SETTINGS) if f"AUTH={way}\n" in block
    )
    check = (
        "from evaluator.settings import Settings; s = Settings.read(); s.require_whole_auth(); print(*s.auth)"
    )
    done = subprocess.run(
        ["bash", "-euc", f'{example}\nexec "$0" -c "$1"', sys.executable, check],
        check=False, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (way, "")
