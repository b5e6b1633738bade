"""Endpoints in experiment files, and which of them the browser may ask."""

from __future__ import annotations

from typing import Any

import pytest

from evaluator.allowed_endpoint import AllowedEndpoint
from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.errors import ExperimentFileError, InvalidInputError
from evaluator.experiments.endpoints import check_allowed
from evaluator.experiments.file_reader import parse_experiment
from evaluator.settings import Settings

OPENAI = """\
name: api
dataset: d
endpoints:
  - name: openai-small
    base_url: https://api.openai.com/v1
    model: text-embedding-3-small
    key: OPENAI_API_KEY
    usd_per_million_tokens: 0.02
budget: {usd: 0.5, tokens: 1000000}
variants:
  - {name: small, retrieve: {dense: {encoder: openai-small}}}
"""

LOCAL = "{name: local, base_url: 'http://127.0.0.1:11434/v1', model: llama}"


def file_with(endpoints: str, *lines: str, variant: str = "retrieve: {bm25: {}}") -> str:
    """An experiment file: endpoints on line 3, the variant on line 5, further lines after it."""
    head = ("name: x", "dataset: d", f"endpoints: [{endpoints}]", "variants:", f"  - {{name: v, {variant}}}")
    return "\n".join((*head, *lines)) + "\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ExperimentFileError) as refusal:
        parse_experiment(text)
    return [line.removeprefix("experiment.yaml:") for line in str(refusal.value).split("\n")]


def test_endpoints_and_budget_are_read() -> None:
    experiment = parse_experiment(OPENAI)
    assert experiment.budget == Budget(usd=0.5, tokens=1_000_000)
    (endpoint,) = experiment.endpoints
    assert endpoint == Endpoint(
        name="openai-small",
        base_url="https://api.openai.com/v1",
        model="text-embedding-3-small",
        key="OPENAI_API_KEY",
        usd_per_million_tokens=0.02,
    )
    assert (endpoint.batch_size, endpoint.concurrency, endpoint.timeout) == (64, 4, 60.0)


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("{name: a, model: m}", "endpoints[0].base_url: is missing"),
        ("{name: a, base_url: 'ftp://x', model: m}", "base_url 'ftp://x' is no http or https address"),
        (
            "{name: a, base_url: 'https://u:hush@x/v1', model: m}",
            "must hold no user, password, query or fragment",
        ),
        (
            "{name: a, base_url: 'https://x/v1?key=hush', model: m}",
            "must hold no user, password, query or fragment",
        ),
        (
            "{name: a, base_url: 'https://x', model: m, key: sk-hush}",
            "such as OPENAI_API_KEY, and never the key",
        ),
        (
            "{name: a, base_url: 'https://x', model: m, key: AIzaHush}",
            "such as OPENAI_API_KEY, and never the key",
        ),
        (f"{{name: a, base_url: 'https://x', model: m, key: {'hush' * 40}}}", "and never the key"),
        ("{name: a/b, base_url: 'https://x', model: m}", "'a/b' cannot name an endpoint"),
        ("{name: a, base_url: 'https://x', model: m, batch_size: 0}", "batch_size: 0 is not at least 1"),
        ("{name: a, base_url: 'https://x', model: m, concurrency: 99}", "concurrency: 99 is not at most 64"),
        ("{name: a, base_url: 'https://x', model: m, timeout: 0}", "timeout: 0 is not above 0"),
        ("{name: a, base_url: 'https://x', model: m, api_key: hush}", "unknown field"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_told_with_its_line(endpoint: str, message: str) -> None:
    (problem,) = problems(file_with(endpoint))
    assert problem.startswith("3: endpoints[0]")
    assert message in problem
    assert "hush" not in problem.lower()  # what may be a key or a password is never repeated


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("{}", "a budget needs usd or tokens"),
        ("{usd: 0}", "0 is not above 0"),
        ("{tokens: 1.5}", "1.5 is not a whole number"),
        ("{eur: 3}", "unknown field"),
    ],
)
def test_what_is_wrong_with_a_budget_is_told(budget: str, message: str) -> None:
    (problem,) = problems(file_with(LOCAL, f"budget: {budget}"))
    assert problem.startswith("6: budget")
    assert message in problem


def test_names_are_unique_and_no_models() -> None:
    bundled = LOCAL.replace("name: local", "name: all-MiniLM-L6-v2")
    assert problems(file_with(f"{LOCAL}, {LOCAL}, {bundled}")) == [
        "3: endpoints[1].name: 'local' is the name of another endpoint already",
        "3: endpoints[2].name: 'all-MiniLM-L6-v2' is the name of the bundled model already",
    ]


def test_a_variant_may_be_called_as_an_endpoint_is() -> None:
    parse_experiment(file_with(LOCAL.replace("local", "v"), variant="retrieve: {dense: {encoder: v}}"))


def test_a_chat_model_must_be_an_endpoint() -> None:
    (problem,) = problems(
        file_with(LOCAL, variant="retrieve: {bm25: {}}, rerank: [{llm: {endpoint: locla}}]")
    )
    assert problem == (
        "5: variants[0].rerank[0].llm.endpoint: no endpoint is called 'locla'; did you mean local? (endpoints: local)"
    )


@pytest.mark.parametrize(
    ("variant", "place"),
    [
        ("retrieve: {sparse: {encoder: local}}", "retrieve.sparse.encoder"),
        ("retrieve: {late: {encoder: local}}", "retrieve.late.encoder"),
        ("retrieve: {bm25: {}}, rerank: [{cross_encoder: {model: local}}]", "rerank[0].cross_encoder.model"),
    ],
)
def test_an_endpoint_gives_one_vector_a_text(variant: str, place: str) -> None:
    (problem,) = problems(file_with(LOCAL, variant=variant))
    assert problem.startswith(f"5: variants[0].{place}: an endpoint gives one vector a text")


def test_an_endpoint_has_its_own_precision_and_length() -> None:
    dense = "retrieve: {dense: {encoder: local, precision: float16, max_length: 99}}"
    assert problems(file_with(LOCAL, variant=dense)) == [
        "5: variants[0].retrieve.dense.precision: an endpoint decides that itself; leave it out",
        "5: variants[0].retrieve.dense.max_length: an endpoint decides that itself; leave it out",
    ]


def test_a_budget_in_usd_needs_prices() -> None:
    chat = "retrieve: {bm25: {}}, rerank: [{llm: {endpoint: local}}]"
    assert problems(file_with(LOCAL, "budget: {usd: 1}", variant=chat)) == [
        "3: endpoints[0]: a budget in USD needs its usd_per_million_tokens; 0 if it costs nothing",
        "3: endpoints[0]: a budget in USD needs its usd_per_million_output_tokens; 0 if it costs nothing",
    ]
    parse_experiment(file_with(LOCAL, "budget: {tokens: 1000}", variant=chat))


# --- from the browser ---


def settings(*allowed: dict[str, Any]) -> Settings:
    return Settings(endpoints=tuple(AllowedEndpoint(**entry) for entry in allowed))


def test_nothing_may_be_asked_unless_it_is_allowed() -> None:
    message = (
        r"'openai-small' \(https://api.openai.com/v1, with the key in OPENAI_API_KEY\) may not be asked.*start the "
        r"""server with EVALUATOR_ENDPOINTS='\[{"base_url": "https://api.openai.com/v1", "key": "OPENAI_API_KEY"}\]'"""
    )
    with pytest.raises(InvalidInputError, match=message):
        check_allowed(settings(), parse_experiment(OPENAI).endpoints)


def test_server_and_key_are_allowed_together() -> None:
    """Or whoever uses the browser could have any variable's value sent to a server of their own."""
    openai = {"base_url": "https://api.openai.com/v1/", "key": "OPENAI_API_KEY"}
    local = {"base_url": "http://127.0.0.1:11434/v1"}
    check_allowed(settings(openai, local), parse_experiment(OPENAI).endpoints)
    for text in (
        OPENAI.replace("key: OPENAI_API_KEY", "key: AWS_SECRET_ACCESS_KEY"),
        OPENAI.replace("https://api.openai.com/v1", "https://elsewhere.example/v1"),
        OPENAI.replace("https://api.openai.com/v1", "http://127.0.0.1:11434/v1"),
    ):
        with pytest.raises(InvalidInputError, match="may not be asked"):
            check_allowed(settings(openai, local), parse_experiment(text).endpoints)


def test_the_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALUATOR_ENDPOINTS", '[{"base_url": "https://x/v1", "key": null}]')
    assert Settings().endpoints == (AllowedEndpoint(base_url="https://x/v1"),)
