"""The OpenAPI document: every route is in it, and what it says is what the routes do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.routing import Route

from evaluator.api.bodies import Body
from evaluator.api.handling import ApiRoute
from evaluator.api.openapi import openapi_document
from evaluator.api.routes import routes
from tests.unit.api.conftest import Api

KNOWN = [route for route in routes() if isinstance(route, ApiRoute)]
METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    answer = api("GET", "/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, told) for path, item in document["paths"].items() for method, told in item.items()]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_route_is_in_it_and_nothing_else(document: dict[str, Any]) -> None:
    expected = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in routes()
        if isinstance(route, Route) and not route.path.endswith(("/api", "{rest:any}"))
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, method, _ in operations(document)} == expected
    assert ("/api/experiments/{id}/leaderboard", "get") in expected


def test_it_has_the_shape_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"].keys() >= {"title", "version"}
    assert document.keys() <= {"openapi", "info", "paths", "components"}
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert method in METHODS
        assert operation["responses"]
        assert operation["summary"].endswith("."), (path, method)
        assert all(re.fullmatch(r"[1-5]\d\d|default", status) for status in operation["responses"])
        assert all(answer["description"] for answer in operation["responses"].values())
        named = [(parameter["name"], parameter["in"]) for parameter in operation["parameters"]]
        assert len(set(named)) == len(named)
        in_path = {name for name, place in named if place == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert all(
            parameter["required"] for parameter in operation["parameters"] if parameter["in"] == "path"
        )


def test_its_schemas_are_valid_and_its_references_lead_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert references(document) == {f"#/components/schemas/{name}" for name in schemas}


@pytest.mark.parametrize("route", [route for route in KNOWN if route.body], ids=lambda route: route.path)
def test_a_wrong_body_is_refused_with_the_field_and_an_example(api: Api, route: ApiRoute) -> None:
    assert route.body is not None
    path = route.path.replace("{id}", "0" * 32).replace("{name}", "tiny")
    field = next(iter(route.body.model_fields))
    answer = api(route.method, path, json={field: [None]})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"the body is not valid ({field}")
    assert answer.json()["error"].endswith(f"send {route.body.example}")


def test_bodies_are_described_by_their_models() -> None:
    document = openapi_document(KNOWN)
    schema = document["components"]["schemas"]["JudgmentChanges"]
    assert schema["required"] == ["changes"]
    assert {kind.__name__ for kind in Body.__subclasses__()} <= document["components"]["schemas"].keys()
