"""Requests to identity providers: short, bounded, without redirects, and never without TLS beyond loopback."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import httpx

from evaluator.errors import ProviderError
from evaluator.proxies import client_for
from evaluator.settings.providers import is_safe

PATIENCE = 5.0
"""Seconds for one step, such as connecting."""
LONGEST = 15.0
"""Seconds for a whole answer."""
MOST_BYTES = 512 << 10
"""Bytes of an answer; discovery documents and key sets have a few thousand."""


class Answer(NamedTuple):
    """A provider's answer: its status, and the JSON object in it; empty if there is none."""

    status: int
    content: dict[str, Any]


def ask(label: str, method: str, url: str, **given: Any) -> Answer:
    """Ask a provider.

    Args:
        label: what people call it.
        given: `data` and `headers` of the request.

    Raises:
        ProviderError: it does not answer in time, or with something that is no JSON object. Tells no address and
            nothing of the answer, which could hold a secret.
    """
    if not is_safe(url):
        raise ProviderError(f"{label} names an address that is not safe to ask; it needs https")
    headers = {**given.pop("headers", {}), "accept": "application/json", "accept-encoding": "identity"}
    until = time.monotonic() + LONGEST
    try:
        with (
            client_for(url, timeout=PATIENCE, follow_redirects=False) as client,
            client.stream(method, url, headers=headers, **given) as answer,
        ):
            body = bytearray()
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MOST_BYTES or time.monotonic() > until:
                    raise ProviderError(f"the answer of {label} is too long, or takes too long; try again")
            return Answer(answer.status_code, _object(bytes(body)))
    except httpx.HTTPError as error:
        raise ProviderError(
            f"{label} does not answer ({type(error).__name__}); try again in a moment"
        ) from error


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
