"""Requests to endpoints: within their limits, tried again where that may help, their answers checked and accounted."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NoReturn, Protocol
from urllib.parse import urlsplit

import httpx

from evaluator.domain.endpoint import Endpoint
from evaluator.errors import EncoderNotFoundError, EncodingError, InvalidInputError
from evaluator.proxies import direct_client, is_here, proxied_client
from evaluator.retrieval.endpoints.usage import Usage, estimated_tokens
from evaluator.urls import keep_secret, without_secrets

ATTEMPTS = 5
"""Requests before an endpoint counts as unavailable; then the whole job is tried again."""
FIRST_PAUSE = 0.5
"""Seconds before the second request; twice as long before each further one."""
LONGEST_PAUSE = 120.0
"""Seconds that a server may ask to wait (Retry-After); if it wants longer, the job gives up its worker meanwhile."""
MAX_ANSWER = 512 * 1024 * 1024
"""Bytes of an answer: 2,048 vectors of 4,096 dimensions as text are about 180 MB."""
MAX_MESSAGE = 300
"""Characters of a server's message that an error repeats."""
LATER = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request may succeed."""


class Gate(Protocol):
    """Lets requests through within an endpoint's limits and an experiment's budget."""

    def request(self, endpoint: Endpoint) -> AbstractContextManager[None]:
        """One request's turn: waits for a free slot, for the rate limit, and while the endpoint is paused.

        Raises:
            BudgetReachedError: the experiment may spend nothing more.
        """
        ...

    def pause(self, endpoint: Endpoint, seconds: float) -> None:
        """Stop all requests to the endpoint for a while, as its server asked."""
        ...

    def spent(self, endpoint: Endpoint, tokens: int, output_tokens: int) -> None:
        """Account for an answer: tokens sent, and tokens that a chat model wrote."""
        ...


@dataclass(frozen=True)
class Answer:
    """A server's answer, and its tokens."""

    record: Mapping[str, Any]
    usage: Usage


class RefusedError(InvalidInputError):
    """The server refuses the request; `server_message` is what it answered."""

    def __init__(self, message: str, server_message: str) -> None:
        super().__init__(message)
        self.server_message = server_message


class EndpointClient:
    """Asks one endpoint, by way of the environment's proxies unless it is on this machine; follows no redirects."""

    def __init__(self, endpoint: Endpoint, gate: Gate) -> None:
        self.endpoint = endpoint
        self._gate = gate

    def post(self, path: str, body: Mapping[str, Any], characters: int) -> Answer:
        """Send a request until it is answered, at most `ATTEMPTS` times, and account for the answer.

        Args:
            path: below the base URL.
            body: sent as JSON.
            characters: of the texts in it, to estimate tokens where the server does not count them.

        Raises:
            EncodingError: the endpoint does not answer, or not with JSON; it may later.
            EncoderNotFoundError: it does not know the model.
            InvalidInputError: it refuses the request, or the key is missing.
            BudgetReachedError: the experiment may spend nothing more.
        """
        headers = self._headers()
        for attempt in range(1, ATTEMPTS + 1):
            with self._gate.request(self.endpoint):
                try:
                    status, answer_headers, content = self._send(path, body, headers)
                except httpx.TransportError as error:
                    problem = str(error) or type(error).__name__
                    wait = None
                else:
                    if status == 200:
                        return self._accepted(content, characters)
                    message = self._message(content)
                    if status not in LATER and status < 500:
                        self._refused(status, message, answer_headers)
                    problem = f"status {status}: {message}"
                    wait = retry_after(answer_headers.get("retry-after"))
            if wait is not None:
                self._gate.pause(self.endpoint, min(wait, LONGEST_PAUSE))
                if wait > LONGEST_PAUSE:
                    raise EncodingError(f"{self.name} asks to wait for {wait:,.0f} s ({problem})")
            elif attempt < ATTEMPTS:
                # Random, so that not all workers send at the same moment.
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.8, 1.2))  # noqa: S311
        raise EncodingError(f"{self.name} does not answer after {ATTEMPTS} requests: {problem}")

    @property
    def name(self) -> str:
        """The endpoint as messages call it."""
        return f"the endpoint {self.endpoint.name!r} ({self.endpoint.server}, {self.endpoint.model})"

    def _headers(self) -> dict[str, str]:
        """Headers with the key, which is read for each request, and kept only to be hidden."""
        variable = self.endpoint.key
        if variable is None:
            return {}
        key = os.environ.get(variable, "").strip()
        if not key:
            raise InvalidInputError(
                f"{self.name} needs a key: set the environment variable {variable} where the workers run"
            )
        if not (key.isascii() and key.isprintable()):
            raise InvalidInputError(f"the environment variable {variable} holds characters that no key has")
        keep_secret(key)
        return {"authorization": f"Bearer {key}"}

    def _send(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, httpx.Headers, bytes]:
        timeout = self.endpoint.timeout
        deadline = time.monotonic() + timeout
        url = f"{self.endpoint.server}/{path}"
        with connections(here=is_here(url)).stream(
            "POST", url, json=body, headers=headers, timeout=timeout
        ) as response:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout(f"no whole answer within {timeout:g} s")
                if len(content) > MAX_ANSWER:
                    raise EncodingError(f"{self.name} answers with more than {MAX_ANSWER:,} bytes")
            return response.status_code, response.headers, bytes(content)

    def _accepted(self, content: bytes, characters: int) -> Answer:
        """Count an answer's tokens first, even if it is useless: the server charges them."""
        try:
            record = json.loads(content)
        except (ValueError, RecursionError):
            record = None
        usage = _usage(record, characters)
        self._gate.spent(self.endpoint, usage.tokens, usage.output_tokens)
        if not isinstance(record, dict):
            raise EncodingError(
                f"{self.name} answers with something that is no JSON object, or only part of one"
            )
        return Answer(record, usage)

    def _message(self, content: bytes) -> str:
        """The server's message, on one line, without the key."""
        try:
            record = json.loads(content)
            error = record.get("error", record)
            message = error.get("message", error) if isinstance(error, dict) else error
        except (ValueError, AttributeError, RecursionError):
            message = content.decode(errors="replace")
        line = " ".join(str(message).split())
        return without_secrets(line)[:MAX_MESSAGE]

    def _refused(self, status: int, message: str, headers: httpx.Headers) -> NoReturn:
        if 300 <= status < 400:
            target = urlsplit(headers.get("location", ""))
            where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"
            raise InvalidInputError(
                f"{self.name} redirects to {where}, which is not followed; give the right base_url"
            )
        if status in {401, 403}:
            key = self.endpoint.key
            remedy = f"check the key in {key}" if key else "name the variable with its key in the field key"
            raise InvalidInputError(f"{self.name} does not let us in (status {status}: {message}); {remedy}")
        if status == 404:
            raise EncoderNotFoundError(
                f"{self.name} knows no such model or address (status 404: {message}); check model and base_url"
            )
        raise RefusedError(f"{self.name} refuses the request (status {status}: {message})", message)


@lru_cache(maxsize=2)
def connections(*, here: bool) -> httpx.Client:
    """This process's connections to this machine, or to elsewhere, kept open between requests.

    Raises:
        InvalidInputError: a proxy of the environment cannot be used.
    """
    return direct_client() if here else proxied_client()


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3: seconds or a date); None if it says nothing."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _usage(record: Any, characters: int) -> Usage:
    usage = record.get("usage") if isinstance(record, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    tokens, output = counts.get("prompt_tokens"), counts.get("completion_tokens")
    written = output if type(output) is int and output >= 0 else 0
    if type(tokens) is int and tokens >= 0:
        return Usage(tokens, written, estimated=False)
    return Usage(estimated_tokens(characters), written, estimated=True)
