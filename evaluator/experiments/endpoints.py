"""Checks of an experiment's endpoints: which ones the operator allows, and which settings conflict."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import CrossEncoder, Dense, LanguageModel, Late, Sparse
from evaluator.errors import InvalidInputError
from evaluator.retrieval.encoders.resolve import BUNDLED_NAMES
from evaluator.settings import Settings

Place = tuple[str | int, ...]


def check_allowed(settings: Settings, endpoints: Iterable[Endpoint]) -> None:
    """Check that the operator allows these endpoints to users of the browser and the API.

    Server and key are checked together, so that nobody can send a variable's value to a server of their choice.

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
    """Conflicts between the endpoints and other values of an experiment file, each of which is valid by itself.

    Args:
        values: the file's values, by place.
    """
    names = {place: name for place, name in values.items() if _is_name(place)}
    names_so_far: set[str] = set()
    for place, name in names.items():
        if name in names_so_far:
            yield place, f"{name!r} is the name of another endpoint already"
        elif name in BUNDLED_NAMES:
            yield place, f"{name!r} is the name of the bundled model already"
        names_so_far.add(name)
    chat_endpoints = {}
    for place, value in values.items():
        if isinstance(value, LanguageModel):
            chat_endpoints[value.endpoint] = True
            if value.endpoint not in names_so_far:
                close = difflib.get_close_matches(value.endpoint, names_so_far, n=1)
                suggestion = f"; did you mean {close[0]}?" if close else ""
                available = ", ".join(sorted(names_so_far)) or "none"
                yield (
                    (*place, "endpoint"),
                    f"no endpoint is called {value.endpoint!r}{suggestion} (endpoints: {available})",
                )
        elif isinstance(value, CrossEncoder | Sparse | Late):
            field = "model" if isinstance(value, CrossEncoder) else "encoder"
            if getattr(value, field) in names_so_far:
                yield (*place, field), "an endpoint gives one vector a text, so only dense and mmr can use it"
        elif isinstance(value, Dense) and value.encoder in names_so_far:
            for field in ("precision", "max_length"):
                if (*place, field) in values:
                    yield (*place, field), "an endpoint decides that itself; leave it out"
    budget = values.get(("budget",))
    if isinstance(budget, Budget) and budget.usd is not None:
        yield from _missing_prices(values, chat_endpoints)


def _missing_prices(
    values: Mapping[Place, Any], chat_endpoints: Mapping[str, Any]
) -> Iterator[tuple[Place, str]]:
    for place, endpoint in values.items():
        if not isinstance(endpoint, Endpoint):
            continue
        needed = ["usd_per_million_tokens"]
        needed += ["usd_per_million_output_tokens"] if endpoint.name in chat_endpoints else []
        for price in needed:
            if getattr(endpoint, price) is None:
                yield place, f"a budget in USD needs its {price}; 0 if it costs nothing"


def _is_name(place: Place) -> bool:
    return len(place) == 3 and place[0] == "endpoints" and place[2] == "name"


def chat_endpoints(experiment: Experiment) -> dict[str, Endpoint]:
    """The endpoints of an experiment's chat models, by name.

    Raises:
        InvalidInputError: one is not listed.
    """
    stages = [stage for variant in experiment.variants for stage in variant.stages()]
    names = {stage.endpoint for stage in stages if isinstance(stage, LanguageModel)}
    endpoints = {endpoint.name: endpoint for endpoint in experiment.endpoints}
    if unknown := names - set(endpoints):
        raise InvalidInputError(f"no endpoint is called {min(unknown)!r}; list it under endpoints")
    return {name: endpoints[name] for name in sorted(names)}
