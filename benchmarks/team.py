"""A team at once: 30 people in browsers and 30 programs for five minutes, while experiments run; on loopback.

Starts `evaluator up` with accounts. People sign in through the form, then click from page to page in a browser session
of their own (contexts of one Chromium), and look at each for some seconds; programs ask the API with tokens. Meanwhile
experiments run, one after the other. A page change takes from the click until the page's title is there and its script
has ended. Browsers share the machine's cores with the server, so on few cores their own work is most of that time.

Exits with 1 if anything fails, or the server's memory grows by more than 150 MiB after the first fifth of the time.

    python -m benchmarks.team [--people 30] [--programs 30] [--seconds 300]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from playwright.async_api import Error as BrowserError

from benchmarks.chaos import write_dataset
from benchmarks.hurting import MARKS, PATIENCE, descendants, described_as
from benchmarks.load import answer, make
from evaluator.domain.status import ACTIVE
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace

PAGES = {
    "Leaderboard": "Leaderboard", "Compare": "Compare", "Queries": "Query by query", "History": "History",
    "Experiments": "Experiments", "Datasets": "Datasets", "Queue": "Queue", "Account": "Account",
}  # fmt: skip
"""Links of the sidebar, and the titles of their pages."""
ROUTES = ("experiments", "datasets", "datasets/made", "health", "metrics", "whoami")
LOOKING, ASKING = 20.0, 1.0
"""Seconds that a person looks at a page, and a program waits between two requests, on average."""
GROWTH = 150
"""MiB that the server may grow after the first fifth of the time."""
EXPERIMENTS, QUERIES = 10, 50
"""Finished ones at the start, and the dataset's queries."""
SIGNING_IN = 300.0
"""Seconds until everybody must have signed in: each browser session loads Streamlit's files anew."""
PROBES = "/_stcore/"
"""Streamlit's browser side looks for the server under a page's own path first, and takes 404 for an answer."""


@dataclass
class Seen:
    """What happened: seconds by page and by route, errors, finished experiments, MiB of the server by the time, and
    seconds of processors by who used them."""

    pages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    api: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    sign_ins: list[float] = field(default_factory=list)
    experiments: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)
    busy: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """Somebody with an account, and a token for their program."""

    name: str
    password: str
    token: str


@dataclass(frozen=True)
class Instance:
    """A running instance with accounts."""

    address: str
    supervisor: subprocess.Popen[bytes]
    home: Path

    @property
    def memory(self) -> float:
        """Resident MiB of the server."""
        servers = [
            process for process, command in descendants(self.supervisor.pid) if MARKS["server"] in command
        ]
        return sum(float(process.memory_info().rss) for process in servers) / 2**20

    def busy(self) -> dict[str, float]:
        """Seconds of processors that the server, the rest of the instance, and browsers have used."""
        seconds = {"the server": 0.0, "queue and workers": 0.0, "browsers": 0.0}
        for process, command in descendants(self.supervisor.pid):
            kind = "the server" if MARKS["server"] in command else "queue and workers"
            seconds[kind] += used(process)
        ours = {process.pid for process, _ in descendants(self.supervisor.pid)} | {self.supervisor.pid}
        for process, _ in descendants(os.getpid()):
            if process.pid not in ours:
                seconds["browsers"] += used(process)
        return seconds | {"this program": used(psutil.Process())}

    def administrator(self) -> httpx.Client:
        """A client that may do what commands on this machine may."""
        key = (self.home / "command.key").read_text()
        return httpx.Client(
            base_url=self.address, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=60
        )


def main() -> None:
    """Start an instance, let everybody in, and print what they saw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--programs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evaluator-team-") as name:
        folder = Path(name)
        write_dataset(folder / "made", QUERIES)
        with Workspace.open_local(Settings(home=folder / "home", redis_url=None)) as workspace:
            ids = make(workspace, folder / "made", EXPERIMENTS)
        with instance(folder / "home") as running:
            members = invite(running, max(arguments.people, arguments.programs))
            seen = asyncio.run(one_day(running, members, ids, arguments))
    if failed := told(seen, arguments):
        sys.exit("; ".join(failed))


def used(process: psutil.Process) -> float:
    """Seconds of processors that a process has used; 0 if it has just ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def instance(home: Path) -> Iterator[Instance]:
    """`evaluator up` where people sign in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("EVALUATOR_", "REDIS_"))
    }
    environment = {**clean, "EVALUATOR_HOME": str(home), "EVALUATOR_AUTH": "password"}
    command = [sys.executable, "-m", "evaluator.cli", "up", "--port", str(port), "--workers", "1"]
    with (home / "up.log").open("wb") as log:
        supervisor = subprocess.Popen(command, env=environment, stderr=log)
    running = Instance(f"http://127.0.0.1:{port}", supervisor, home)
    try:
        deadline = time.monotonic() + PATIENCE
        while not is_live(running):
            if supervisor.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the instance did not start; see {home / 'up.log'}")
            time.sleep(0.1)
        yield running
    finally:
        supervisor.terminate()
        supervisor.wait(timeout=40)


def is_live(running: Instance) -> bool:
    """Whether the server answers."""
    try:
        return httpx.get(f"{running.address}/api/health/live", trust_env=False).is_success
    except httpx.TransportError:
        return False


def invite(running: Instance, number: int) -> list[Member]:
    """Invite people, who join by their links and make a token each."""
    members = []
    with running.administrator() as administrator:
        for place in range(number):
            name, password = f"member-{place}", secrets.token_urlsafe(12)
            link = (
                administrator.post("/api/accounts", json={"name": name, "role": "editor"})
                .raise_for_status()
                .json()
            )
            with httpx.Client(
                base_url=running.address, headers={"origin": running.address}, trust_env=False, timeout=60
            ) as own:
                joined = own.post(link["path"], data={"password": password, "again": password})
                kept = {"cookie": joined.headers["set-cookie"].partition(";")[0]}
                token = (
                    own.post("/api/tokens", json={"name": "program"}, headers=kept).raise_for_status().json()
                )
            members.append(Member(name, password, token["token"]))
    return members


async def one_day(
    running: Instance, members: Sequence[Member], ids: Sequence[str], arguments: argparse.Namespace
) -> Seen:
    """Let everybody sign in, then work at once until the time is over.

    As many sign in at the same time as there are cores: a browser that is starved while it loads files connects, sends
    nothing for ten seconds, and is disconnected.
    """
    seen, together = Seen(), asyncio.Semaphore(os.cpu_count() or 1)
    installed = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installed, args=["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"]
        )
        people = members[: arguments.people]

        async def begin(person: Member) -> Page | None:
            async with together:
                return await sign_in(browser, running.address, person, seen)

        pages = await asyncio.gather(*map(begin, people))
        until, before = time.monotonic() + arguments.seconds, running.busy()
        async with asyncio.TaskGroup() as group:
            for place, page in enumerate(pages):
                if page is not None:
                    group.create_task(work(page, people[place].name, random.Random(place), seen, until))
            for place, member in enumerate(members[: arguments.programs]):
                group.create_task(ask(running.address, member, ids, random.Random(place), seen, until))
            group.create_task(evaluate(running, seen, until))
            group.create_task(weigh(running, seen, until))
        seen.busy = {kind: seconds - before[kind] for kind, seconds in running.busy().items()}
        await browser.close()
    return seen


async def sign_in(browser: Browser, address: str, member: Member, seen: Seen) -> Page | None:
    """A page of somebody who signed in, in a session of its own; None if that failed."""
    context = await browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    watch(page, member.name, seen)
    started = time.monotonic()
    try:
        await page.goto("/", timeout=SIGNING_IN * 1000)
        await page.get_by_label("Name").fill(member.name)
        await page.get_by_label("Password").fill(member.password)
        await page.get_by_role("button", name="Sign in").click(timeout=SIGNING_IN * 1000)
        await shown(page, "Leaderboard", SIGNING_IN)
    except BrowserError as error:
        said = await page.get_by_role("alert").all_inner_texts()
        seen.errors.append(f"{member.name} cannot sign in: {said} {str(error).splitlines()[0]}")
        return None
    seen.sign_ins.append(time.monotonic() - started)
    return page


async def work(page: Page, name: str, chance: random.Random, seen: Seen, until: float) -> None:
    """Go from page to page."""
    where = "Leaderboard"
    try:
        while True:
            await asyncio.sleep(max(0.0, min(chance.uniform(0, 2 * LOOKING), until - time.monotonic())))
            if time.monotonic() >= until:
                return
            where = chance.choice([link for link in PAGES if link != where])
            started = time.monotonic()
            await page.get_by_test_id("stSidebarNav").get_by_role("link", name=where, exact=True).click()
            await shown(page, PAGES[where], PATIENCE)
            seen.pages[where].append(time.monotonic() - started)
            for exception in await page.get_by_test_id("stException").all():
                seen.errors.append(f"{where}: {await exception.inner_text()}")
    except BrowserError as error:
        seen.errors.append(f"{name} at {where}: {str(error).splitlines()[0]}")


async def shown(page: Page, title: str, patience: float) -> None:
    """Wait for a page's title, and for the end of its script, for so many seconds."""
    await page.get_by_role("heading", name=title, exact=True, level=1).wait_for(timeout=patience * 1000)
    await page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(
        timeout=patience * 1000
    )


def watch(page: Page, name: str, seen: Seen) -> None:
    """Note what goes wrong on a page's console: violations of the policy, too."""

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and PROBES not in message.location.get("url", ""):
            seen.errors.append(f"{name}'s console: {message.text[:200]}")

    page.on("console", heard)
    page.on("pageerror", lambda error: seen.errors.append(f"{name}'s page: {error}"))


async def ask(
    address: str, member: Member, ids: Sequence[str], chance: random.Random, seen: Seen, until: float
) -> None:
    """Send one request after the other over one connection, with a token."""
    host = address.removeprefix("http://")
    paths = [*ROUTES, "experiments/{id}", "experiments/{id}/leaderboard"]
    reader, writer = await asyncio.open_connection(*host.split(":"))
    try:
        while time.monotonic() < until:
            await asyncio.sleep(max(0.0, min(chance.uniform(0, 2 * ASKING), until - time.monotonic())))
            path = chance.choice(paths)
            started = time.monotonic()
            where = f"/api/{path.format(id=chance.choice(ids))}"
            writer.write(
                f"GET {where} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {member.token}\r\n\r\n".encode()
            )
            status, text = await answer(reader)
            seen.api[path].append(time.monotonic() - started)
            if status != httpx.codes.OK:
                seen.errors.append(f"{where}: {status} {text[:200]!r}")
    except (OSError, asyncio.IncompleteReadError) as error:
        seen.errors.append(f"{member.name}'s program: {error}")
    finally:
        writer.close()


async def evaluate(running: Instance, seen: Seen, until: float) -> None:
    """Run one experiment after the other, each new."""
    with running.administrator() as administrator:
        await asyncio.to_thread(_evaluate, administrator, seen, until)


def _evaluate(administrator: httpx.Client, seen: Seen, until: float) -> None:
    number = 0
    while time.monotonic() < until:
        number += 1
        variants = {
            f"bm25 {place}": {"bm25": {"k1": 0.5 + number / 1000, "b": place / 10}} for place in range(1, 6)
        }
        body = {"yaml": described_as(f"run {number}", "made", 1, variants)}
        submitted = administrator.post("/api/experiments", json=body)
        if not submitted.is_success:
            seen.errors.append(f"an experiment: {submitted.status_code} {submitted.text[:200]}")
            return
        path = f"/api/experiments/{submitted.json()['id']}"
        while (status := administrator.get(path).json()["status"]) in ACTIVE and time.monotonic() < until:
            time.sleep(0.5)
        if status not in {*ACTIVE, "finished"}:
            seen.errors.append(f"an experiment is {status}")
        seen.experiments += status == "finished"


async def weigh(running: Instance, seen: Seen, until: float) -> None:
    """Note the server's memory every two seconds."""
    while time.monotonic() < until:
        seen.memory.append((time.monotonic(), running.memory))
        await asyncio.sleep(2)


def told(seen: Seen, arguments: argparse.Namespace) -> list[str]:
    """Print what was seen; returns what is not as it should be."""
    failed = []
    print(
        f"{arguments.people} people, {arguments.programs} programs, {arguments.seconds:.0f} s, {os.cpu_count()} cores"
    )
    print(f"errors: {len(seen.errors)}; experiments finished meanwhile: {seen.experiments}")
    for error in seen.errors[:20]:
        print(f"  {error}")
    for kind, found in (("sign-ins", {"": seen.sign_ins}), ("page changes", seen.pages), ("/api", seen.api)):
        every = [seconds for times in found.values() for seconds in times]
        if every:
            print(f"{kind:14} {len(every):6,}  {quantiles(every)}")
        for name, times in sorted(found.items()):
            if name:
                print(f"  {name:30} {len(times):6,}  {quantiles(times)}")
    print(
        "seconds of processors: " + ", ".join(f"{kind} {seconds:.0f}" for kind, seconds in seen.busy.items())
    )
    start = seen.memory[0][0] + arguments.seconds / 5
    early = [size for at, size in seen.memory if at <= start]
    growth = max(size for _, size in seen.memory[-3:]) - max(early)
    first, last = seen.memory[0][1], seen.memory[-1][1]
    print(
        f"server: {first:.0f} MiB at first, {max(early):.0f} after a fifth of the time, {last:.0f} at the end"
    )
    if seen.errors:
        failed.append(f"{len(seen.errors)} errors, such as {seen.errors[0]}")
    if len(seen.sign_ins) != arguments.people:
        failed.append(f"{len(seen.sign_ins)} of {arguments.people} people signed in")
    if growth > GROWTH:
        failed.append(f"the server grew by {growth:.0f} MiB")
    return failed


def quantiles(times: Sequence[float]) -> str:
    """The median, the 95th percentile and the maximum, in words."""
    return f"p50 {np.percentile(times, 50):.3f} s, p95 {np.percentile(times, 95):.3f} s, at most {max(times):.3f} s"


if __name__ == "__main__":
    main()
