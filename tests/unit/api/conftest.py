"""The REST routes as a server calls them, over a real workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from evaluator.api.routes import routes
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace, serve


class Api:
    """Calls the routes in this process."""

    def __init__(self) -> None:
        self._transport = httpx.ASGITransport(Starlette(routes=routes()))

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, and its whole answer."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://here") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """The routes of a workspace where an upload may have 10,000 bytes."""
    settings = Settings(home=tmp_path / "home", upload_limit=10_000)
    with Workspace.open_local(settings) as workspace, serve(workspace):
        yield Api()
