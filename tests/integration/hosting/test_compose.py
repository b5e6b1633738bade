"""The compose file's arrangement, running: TLS by Caddy, a queue with one user, a server behind Caddy."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from evaluator.jobs.connection import require
from evaluator.jobs.processes.valkey import answers
from evaluator.people.sessions import COOKIE
from evaluator.settings import Settings
from tests.hosted import (
    CADDYFILE,
    COMPOSE,
    Hosted,
    caddy,
    caddy_before,
    composed,
    hosted,
    queue_of,
    wait_until,
)

PASSWORD = "correct horse battery"
GIVEN = {"DOMAIN": "evaluator.example.org", "QUEUE_PASSWORD": "geheim" * 4}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(tmp_path_factory.mktemp("hosted")) as running:
        running.command("account", "add-admin", "ann", "--password-stdin", given=PASSWORD)
        yield running


def signed_in(instance: Hosted) -> str:
    """A session's cookie, as a browser gets it through Caddy."""
    with instance.client(headers={"origin": instance.address}) as client:
        answer = client.post("/login", data={"name": "ann", "password": PASSWORD})
    assert answer.status_code == 303
    kept = answer.headers["set-cookie"]
    assert kept.startswith(COOKIE)
    return str(kept.partition(";")[0])


def test_the_queue_lets_in_one_user_who_may_do_what_workers_do(tmp_path: Path) -> None:
    services = composed(GIVEN)
    with queue_of(services, tmp_path / "queue") as port:
        url = services["worker"]["environment"]["REDIS_URL"].replace("queue:6379", f"127.0.0.1:{port}")
        wait_until(lambda: answers(Settings(redis_url=url)), "the queue")
        require(Settings(redis_url=url)).close()  # tries every right
        with Redis.from_url(url) as ours:
            for refused in ("FLUSHALL", "CONFIG GET dir", "KEYS *", "SET other 1"):
                with pytest.raises(RedisError, match="permissions"):
                    ours.execute_command(*refused.split())
        for stranger in (f"redis://127.0.0.1:{port}/0", f"redis://evaluator:wrong@127.0.0.1:{port}/0"):
            with pytest.raises(RedisError, match=r"(?i)auth|password"), Redis.from_url(stranger) as client:
                client.ping()


def test_caddy_takes_the_file(tmp_path: Path) -> None:
    """And no line of it is one that a newer Caddy warns of."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOMAIN": "evaluator.example.org"}
    command = [caddy(), "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not formatted" not in done.stderr
    assert "Valid configuration" in done.stdout + done.stderr


def test_pages_and_the_api_come_by_tls(instance: Hosted) -> None:
    with instance.client() as client:
        assert client.get("/api/health/live").json()["live"] is True
        assert client.get("/api/experiments").status_code == 401
        page = client.get("/compare", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fcompare")
        kept = {"cookie": signed_in(instance)}
        assert client.get("/api/whoami", headers=kept).json()["name"] == "ann"
        assert "<title>Streamlit" in client.get("/", headers=kept).text


def test_the_websocket_of_pages_passes_with_a_session_and_from_here(instance: Hosted) -> None:
    async def opened(cookie: str, origin: str) -> int:
        address = instance.address.replace("https", "wss") + "/_stcore/stream"
        try:
            async with connect(
                address, ssl=instance.trust, origin=origin, subprotocols=["streamlit"],  # type: ignore[arg-type, list-item]
                additional_headers={"cookie": cookie},
            ):  # fmt: skip
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    kept = signed_in(instance)
    assert asyncio.run(opened(kept, instance.address)) == 101
    assert asyncio.run(opened("", instance.address)) == 403
    assert asyncio.run(opened(kept, "https://evil.example")) == 403


def test_what_clients_say_about_themselves_is_dropped(instance: Hosted) -> None:
    """Caddy names the client; the audit log and the limits of tries go by that."""
    with instance.client(headers={"origin": instance.address, "x-forwarded-for": "203.0.113.7"}) as client:
        client.post("/login", data={"name": "ann", "password": "wrong"})
        lines = client.get("/api/audit", headers={"cookie": signed_in(instance)}).text
    assert "failed to sign in" in lines
    assert "203.0.113.7" not in lines


def test_another_name_is_answered_by_neither(instance: Hosted) -> None:
    with instance.client() as client:
        answer = client.get("/api/health/live", headers={"host": "evil.example"})
        assert "live" not in answer.text
    inside = httpx.get(
        f"{instance.inside}/api/health/live", headers={"host": "evil.example"}, trust_env=False
    )
    assert inside.status_code == 400


def test_the_server_knows_that_it_was_reached_by_tls(instance: Hosted, tmp_path: Path) -> None:
    """Caddy says so, and HSTS follows where the name is no loopback one. (It is not this server's either: 400.)"""
    name, inside = "team.localhost", instance.inside.removeprefix("http://")
    with caddy_before(caddy(), tmp_path / "caddy", inside, name) as (port, authority):
        trust = ssl.create_default_context(cafile=str(authority))
        with httpx.Client(verify=trust, trust_env=False, headers={"host": name}) as client:

            def ask() -> httpx.Response | None:
                try:
                    return client.get(f"https://127.0.0.1:{port}/", extensions={"sni_hostname": name})
                except httpx.TransportError:
                    return None

            wait_until(ask, "Caddy")
            answer = ask()
    assert answer is not None
    assert (answer.status_code, answer.headers["strict-transport-security"]) == (400, "max-age=31536000")


@pytest.mark.parametrize("missing", sorted(GIVEN))
def test_compose_refuses_to_start_without_what_must_be_chosen(tmp_path: Path, missing: str) -> None:
    """By compose itself, where its client is there; no engine is asked."""
    command, file = compose_command(), tmp_path / ".env"
    arguments = [*command, "--file", str(COMPOSE), "--env-file", str(file), "config"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for given, said in (
        (GIVEN, ""),
        (
            {name: value for name, value in GIVEN.items() if name != missing},
            "as the first lines of docker-compose.yml",
        ),
    ):
        file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode == 0, said in done.stderr) == (not said, True)
        assert ("redis://evaluator:geheim" in done.stdout) == (not said)


def compose_command() -> list[str]:
    """Compose's client; skips the test where there is none."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is not None:
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                return command
    pytest.skip(
        "the client of Docker Compose is not here; the file's structure is tested in tests/unit/test_packaging.py"
    )
