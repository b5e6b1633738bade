"""Posting a notification to a webhook, signed as Standard Webhooks has it, with a `text` that Slack shows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from evaluator.domain.teamwork.records import Delivery
from evaluator.errors import EvaluatorError, InvalidInputError
from evaluator.proxies import is_here
from evaluator.teamwork.destination import Destination, destination

PATIENCE = 10.0
"""Seconds for one attempt in all."""
SECRET = "whsec_"  # noqa: S105  how keys begin


class NotDeliveredError(EvaluatorError):
    """A notification did not arrive; says why, without the address."""


def post(delivery: Delivery, url: str, key: str | None, named: tuple[str, ...], link: str | None) -> None:
    """Post a notification.

    Args:
        key: signs it; None to leave it unsigned.
        named: hosts that the operator names.
        link: the address of what it is about.

    Raises:
        NotDeliveredError: it did not arrive. What httpx says is left out: it may tell the address.
    """
    body = json.dumps(_body(delivery, link), ensure_ascii=False).encode()
    try:
        to = destination(url, named)
    except InvalidInputError as error:
        raise NotDeliveredError(str(error)) from None
    headers = {"content-type": "application/json", "host": to.host, "idempotency-key": delivery.id}
    headers |= signature(delivery.id, body, key, int(time.time()))
    try:
        status = asyncio.run(_posted(to, body, headers))
    except (httpx.TimeoutException, TimeoutError):
        raise NotDeliveredError("the webhook did not answer in time") from None
    except httpx.ConnectError as error:
        why = "its certificate is not valid" if "CERTIFICATE" in str(error) else "it cannot be reached"
        raise NotDeliveredError(f"the webhook did not take it: {why}") from None
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError, OSError):
        raise NotDeliveredError("the connection to the webhook broke") from None
    if not 200 <= status < 300:
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        raise NotDeliveredError(f"the webhook answered {status}{redirected}")


async def _posted(to: Destination, body: bytes, headers: Mapping[str, str]) -> int:
    """The status that the answer to a POST has; nothing else of the answer is read.

    A client of asyncio, because its time in all can be limited: a receiver may send its headers byte by byte.
    """
    proxied = to.is_named and not is_here(to.url)
    transport = None if proxied else httpx.AsyncHTTPTransport()
    async with (
        asyncio.timeout(PATIENCE),
        httpx.AsyncClient(transport=transport, follow_redirects=False, timeout=PATIENCE) as client,
        client.stream(
            "POST", to.url, content=body, headers=headers, extensions={"sni_hostname": to.name}
        ) as answer,
    ):
        return answer.status_code


def signature(id_: str, body: bytes, key: str | None, now: int) -> dict[str, str]:
    """The headers of Standard Webhooks: id, seconds since 1970, and HMAC-SHA256 over both and the body.

    Args:
        key: its bytes are signed with as they are, or decoded if it begins with `whsec_`.
    """
    headers = {"webhook-id": id_, "webhook-timestamp": str(now)}
    if key is not None:
        signed = f"{id_}.{now}.".encode() + body
        code = base64.b64encode(hmac.digest(_key(key), signed, hashlib.sha256)).decode()
        headers["webhook-signature"] = f"v1,{code}"
    return headers


def _key(key: str) -> bytes:
    if not key.startswith(SECRET):
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix(SECRET), validate=True)
    except ValueError:
        return key.encode()


def _body(delivery: Delivery, link: str | None) -> dict[str, Any]:
    return {
        "text": _slack(delivery, link),
        "id": delivery.id,
        "event": delivery.event,
        "title": delivery.title,
        "details": delivery.text,
        "project": delivery.project,
        "experiment": delivery.experiment,
        "at": f"{delivery.created_at.isoformat(timespec='seconds')}Z",
        "link": link,
    }


def _slack(delivery: Delivery, link: str | None) -> str:
    """The text for Slack and what is compatible with it, in which `&`, `<` and `>` have a meaning."""
    lines = [delivery.title, *delivery.text.splitlines()]
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines if line]
    return "\n".join([*escaped, *([link] if link else [])])
