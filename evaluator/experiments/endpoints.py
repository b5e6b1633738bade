"""Endpoints in experiments: which may be used from the browser, and what an experiment file may not say about them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.variant import CrossEncoder, Dense, LanguageModel, Late, Sparse
from evaluator.errors import InvalidInputError
from evaluator.retrieval.encoders.resolve import BUNDLED_NAMES
from evaluator.settings import Settings

Place = tuple[str | int, ...]


def check_allowed(settings: Settings, endpoints: Iterable[Endpoint]) -> None:
    """Check that the operator allows these endpoints to users of the browser and the API.

    Server and key together: nobody may have a variable's value sent to a server of their choice.

    Raises:
        InvalidInputError: one is not allowed; says what to set.
    """
    allowed = {(entry.base_url.rstrip("/"), entry.key) for entry in settings.endpoints}
    for endpoint in endpoints:
        if (endpoint.server, endpoint.key) not in allowed:
            entry = {"base_url": endpoint.server} | ({"key": endpoint.key} if endpoint.key else {})
            with_key = f"with the key in {endpoint.key}" if endpoint.key else "without a key"
            raise InvalidInputError(
                f"the endpoint {endpoint.name!r} ({endpoint.server}, {with_key}) may not be asked from the browser or "
                f"the API; to allow it, start the server with EVALUATOR_ENDPOINTS='{json.dumps([entry])}', or run the "
                "experiment on the command line"
            )


def endpoint_problems(values: Mapping[Place, Any]) -> Iterator[tuple[Place, str]]:
    """What is wrong with the endpoints of an experiment file though each value is sound by itself.

    Args:
        values: of the file, by place.
    """
    names = {place: name for place, name in values.items() if _is_name(place)}
    seen: set[str] = set()
    for place, name in names.items():
        if name in seen:
            yield place, f"{name!r} is the name of another endpoint already"
        elif name in BUNDLED_NAMES:
            yield place, f"{name!r} is the name of the bundled model already"
        seen.add(name)
    chats = {}
    for place, value in values.items():
        if isinstance(value, LanguageModel):
            chats[value.endpoint] = True
            if value.endpoint not in seen:
                close = difflib.get_close_matches(value.endpoint, seen, n=1)
                meant = f"; did you mean {close[0]}?" if close else ""
                known = ", ".join(sorted(seen)) or "none"
                yield (
                    (*place, "endpoint"),
                    f"no endpoint is called {value.endpoint!r}{meant} (endpoints: {known})",
                )
        elif isinstance(value, CrossEncoder | Sparse | Late):
            field = "model" if isinstance(value, CrossEncoder) else "encoder"
            if getattr(value, field) in seen:
                yield (*place, field), "an endpoint gives one vector a text, so only dense and mmr can use it"
        elif isinstance(value, Dense) and value.encoder in seen:
            for field in ("precision", "max_length"):
                if (*place, field) in values:
                    yield (*place, field), "an endpoint decides that itself; leave it out"
    budget = values.get(("budget",))
    if isinstance(budget, Budget) and budget.usd is not None:
        yield from _missing_prices(values, chats)


def _missing_prices(values: Mapping[Place, Any], chats: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    for place, endpoint in values.items():
        if not isinstance(endpoint, Endpoint):
            continue
        needed = ["usd_per_million_tokens"]
        needed += ["usd_per_million_output_tokens"] if endpoint.name in chats else []
        for price in needed:
            if getattr(endpoint, price) is None:
                yield place, f"a budget in USD needs its {price}; 0 if it costs nothing"


def _is_name(place: Place) -> bool:
    return len(place) == 3 and place[0] == "endpoints" and place[2] == "name"
