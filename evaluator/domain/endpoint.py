"""Endpoints: models behind an OpenAI-compatible HTTP interface, and the budget of an experiment for them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, Len

from evaluator.domain.fingerprint import fingerprint
from evaluator.urls import VARIABLE, shown_url

NAME = re.compile(r"(?![. ])[A-Za-z0-9._+ -]*(?<! )")
"""Valid names of endpoints: no model on the hub (`organisation/model`) and no folder has such a name."""


@dataclass(frozen=True)
class Endpoint:
    """A model that a server offers through OpenAI's interface (OpenAI, Ollama, vLLM, TEI, Gemini, OpenRouter, ...).

    Attributes:
        name: the name that variants use.
        base_url: the address including the version, such as `https://api.openai.com/v1`.
        model: the server's name of the model.
        key: name of the environment variable that holds the key, on the workers; never the key.
        dimensions: dimensions of a vector to request from the server, if it offers a choice.
        batch_size: texts in one request.
        concurrency: maximum simultaneous requests of all workers together.
        requests_per_minute: maximum of all workers together; unlimited unless given.
        timeout: maximum seconds of one request.
        usd_per_million_tokens: price of the tokens that are sent.
        usd_per_million_output_tokens: price of the tokens that a chat model writes.
        query_prompt, document_prompt: put before a text.
    """

    name: Annotated[str, Len(1, 80)]
    base_url: Annotated[str, Len(1, 500)]
    model: Annotated[str, Len(1, 200)]
    key: str | None = None
    dimensions: Annotated[int, Ge(1), Le(65_536)] | None = None
    batch_size: Annotated[int, Ge(1), Le(2048)] = 64
    concurrency: Annotated[int, Ge(1), Le(64)] = 4
    requests_per_minute: Annotated[int, Ge(1), Le(1_000_000)] | None = None
    timeout: Annotated[float, Gt(0), Le(3600)] = 60.0
    usd_per_million_tokens: Annotated[float, Ge(0), Le(1_000_000)] | None = None
    usd_per_million_output_tokens: Annotated[float, Ge(0), Le(1_000_000)] | None = None
    query_prompt: Annotated[str, Len(0, 2000)] = ""
    document_prompt: Annotated[str, Len(0, 2000)] = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} cannot name an endpoint: only letters, digits, spaces and . _ + -, no dot at the "
                "start, no space at either end"
            )
        url = urlsplit(self.base_url)
        # This check comes first, and the message does not quote the URL: it may contain a password.
        if "@" in self.base_url or url.query or url.fragment:
            raise ValueError(
                "base_url must hold no user, password, query or fragment; name the key's variable in key"
            )
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError(f"base_url {shown_url(self.base_url)!r} is no http or https address")
        if self.key is not None and not VARIABLE.fullmatch(self.key):
            raise ValueError(
                "key is the name of an environment variable in capitals, such as OPENAI_API_KEY, and never the key"
            )

    @property
    def server(self) -> str:
        """`base_url` without a trailing slash."""
        return self.base_url.rstrip("/")

    @property
    def id(self) -> str:
        """Fingerprint of server and model: endpoints with the same server and model are equal."""
        return fingerprint({"server": self.server, "model": self.model})

    def micro_usd(self, tokens: int, output_tokens: int) -> int:
        """Price of tokens in millionths of a USD, rounded up; 0 if the price is unknown."""
        price = tokens * (self.usd_per_million_tokens or 0.0)
        return math.ceil(price + output_tokens * (self.usd_per_million_output_tokens or 0.0))


@dataclass(frozen=True)
class Budget:
    """What an experiment may spend on endpoints; it is stopped when it reaches either limit."""

    usd: Annotated[float, Gt(0), Le(1_000_000_000)] | None = None
    tokens: Annotated[int, Gt(0), Le(10**15)] | None = None

    def __post_init__(self) -> None:
        if self.usd is None and self.tokens is None:
            raise ValueError("a budget needs usd or tokens")

    def reached(self, tokens: int, micro_usd: int) -> str | None:
        """Why nothing more may be spent, in words; None if the budget is not reached."""
        if self.usd is not None and micro_usd >= self.usd * 1_000_000:
            return f"the budget of {dollars(self.usd)} is reached: {dollars(micro_usd / 1_000_000)} spent"
        if self.tokens is not None and tokens >= self.tokens:
            return f"the budget of {self.tokens:,} tokens is reached: {tokens:,} tokens spent"
        return None


def dollars(usd: float) -> str:
    """An amount as people read it: `0.50 USD`, `0.0004 USD`."""
    whole, _, part = f"{usd:,.6f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')} USD"
