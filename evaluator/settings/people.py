"""Settings of accounts: how people sign in, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

AuthWay = Literal["password"]
"""Ways of signing in."""


def _ways(given: object) -> object:
    """`none`, or names with commas between them."""
    if not isinstance(given, str):
        return given
    return [way for part in given.split(",") if (way := part.strip().lower()) and way != "none"]


class PeopleSettings(BaseModel):
    """How people sign in, and for how long."""

    auth: Annotated[tuple[AuthWay, ...], NoDecode, BeforeValidator(_ways)] = Field(
        (),
        description="How people sign in: `none` (nobody has to, and whoever reaches the server may do everything) or "
        "`password`. Default: none.",
    )
    open_to_all: bool = Field(
        False,
        description="Whether the server may listen beyond loopback although nobody has to sign in "
        "(`EVALUATOR_AUTH=none`).",
    )
    session_hours: int = Field(
        24 * 14, ge=1, le=24 * 365, description="Hours after which people sign in again."
    )
    session_idle_hours: int = Field(
        24, ge=1, le=24 * 365, description="Hours without use after which people sign in again."
    )
