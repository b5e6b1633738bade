"""The OpenAPI document (version 3.1): generated from the table of routes and the models of their bodies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from evaluator import __version__
from evaluator.api.handling import ApiRoute
from evaluator.api.people.chosen_project import PROJECT

ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "One message: what is wrong, and what to do."}},
    "required": ["error"],
}
REFUSALS = {
    404: "There is nothing of that name or id.",
    408: "The body did not arrive in time.",
    409: "The present state does not allow it, or several things could be meant.",
    413: "The body is too large.",
    415: "The content type or a header is missing; browsers on other sites cannot send it.",
    422: "The body or a parameter is not valid.",
}
"""Descriptions of the statuses below 500 that routes may answer with."""
OTHERWISE = "The server cannot answer now; the message says why."

CONVERTOR = re.compile(r":\w+(?=})")
"""The part of `{name:path}` that OpenAPI does not allow."""


def openapi_document(routes: Sequence[ApiRoute]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    bodies = [route.body for route in routes if route.body is not None]
    _, schemas = models_json_schema(
        [(body, "validation") for body in dict.fromkeys(bodies)], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = CONVERTOR.sub("", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Retrieval evaluator", "version": __version__},
        "paths": paths,
        "components": {"schemas": {**schemas.get("$defs", {}), "Error": ERROR}},
    }


def _operation(route: ApiRoute, path: str) -> dict[str, Any]:
    parameters = [_parameter(name, "path", required=True) for name in route.param_convertors]
    parameters += [_parameter(name, "query") for name in route.query]
    if route.needs is not None:
        parameters.append(_parameter(PROJECT, "query"))
    parameters += [_parameter(name, "header", required=True) for name in route.headers]
    operation: dict[str, Any] = {
        "operationId": "_".join([route.method.lower(), *re.findall(r"\w+", path)]),
        "summary": route.summary,
        "parameters": parameters,
        "responses": _responses(route),
    }
    if route.body is not None:
        schema = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif route.takes_file:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return operation


def _parameter(name: str, place: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _responses(route: ApiRoute) -> dict[str, Any]:
    refused = {
        404: bool(route.param_convertors),
        408: route.body is not None or route.takes_file,
        409: bool(route.param_convertors) or route.method != "GET",
        413: route.body is not None or route.takes_file,
        415: route.method != "GET",
        422: route.body is not None or bool(route.query) or bool(route.param_convertors),
    }
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    content: dict[str, Any] = {media: {} for media in route.media}
    answers: dict[str, Any] = {"200": {"description": "The answer.", "content": content}}
    for status, possible in refused.items():
        if possible:
            answers[str(status)] = {"description": REFUSALS[status], "content": error}
    answers["default"] = {"description": OTHERWISE, "content": error}
    return answers
