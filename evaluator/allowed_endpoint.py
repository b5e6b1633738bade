"""Endpoints that the operator allows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from evaluator.urls import VARIABLE


class AllowedEndpoint(BaseModel):
    """A server that experiments from the browser may use, and the only variable whose value it may get as a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    key: str | None = None

    @field_validator("base_url")
    @classmethod
    def _without_user(cls, base_url: str) -> str:
        if "@" in base_url:
            raise ValueError("it must hold no user and no password; name the key's variable in key")
        return base_url

    @field_validator("key")
    @classmethod
    def _variable(cls, key: str | None) -> str | None:
        if key is not None and not VARIABLE.fullmatch(key):
            raise ValueError(
                "it is the name of an environment variable in capitals, such as OPENAI_API_KEY, and never the key"
            )
        return key
