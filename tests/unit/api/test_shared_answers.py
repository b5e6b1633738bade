"""Requests that ask for the same share a look; whoever asks gets no answer from before."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from evaluator.api.handling import ANSWERS, route
from evaluator.api.sharing import Together
from evaluator.errors import UnknownNameError
from evaluator.library import catalog
from evaluator.workspace.workspace import Workspace, serve
from tests.conftest import WriteDataset


class Looking:
    """Looks that end when told to; each gives its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        return number


async def turns() -> None:
    """Let everything happen that can happen now."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestTogether:
    def test_requests_during_a_computation_share_the_next_one(self) -> None:
        async def ask() -> None:
            together, looking = Together[int](), Looking()
            first = asyncio.create_task(together.ask("health", looking))
            await turns()
            later = [asyncio.create_task(together.ask("health", looking)) for _ in range(50)]
            await turns()
            assert looking.begun == 1  # one at a time
            looking.may_end.set()
            assert await first == 1
            assert set(await asyncio.gather(*later)) == {2}
            assert await together.ask("health", looking) == 3

        asyncio.run(ask())

    def test_other_questions_do_not_wait(self) -> None:
        async def ask() -> None:
            together, slow, fast = Together[int](), Looking(), Looking()
            waiting = asyncio.create_task(together.ask("metrics", slow))
            fast.may_end.set()
            assert await together.ask("health", fast) == 1
            slow.may_end.set()
            assert await waiting == 1

        asyncio.run(ask())

    def test_a_client_that_leaves_does_not_cancel_the_answer(self) -> None:
        async def ask() -> None:
            together, looking = Together[int](), Looking()
            leaves = asyncio.create_task(together.ask("health", looking))
            stays = asyncio.create_task(together.ask("health", looking))
            await turns()
            leaves.cancel()
            looking.may_end.set()
            assert await stays == 1

        asyncio.run(ask())

    def test_a_failed_computation_fails_only_for_its_own_requests(self) -> None:
        async def fail() -> int:
            await turns()
            raise UnknownNameError("no")

        async def ask() -> None:
            together, looking = Together[int](), Looking()
            asked = [together.ask("health", fail) for _ in range(3)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(answer) for answer in answers] == [UnknownNameError] * 3
            looking.may_end.set()
            assert await together.ask("health", looking) == 1

        asyncio.run(ask())


@pytest.fixture
def workspace(library: Workspace, write_dataset: WriteDataset) -> Workspace:
    """A workspace with a dataset."""
    catalog.import_folder(library, write_dataset())
    return library


class TestOfState:
    def test_what_is_kept_ends_with_the_state(self, workspace: Workspace) -> None:
        asked = []

        def handler(workspace: Workspace, request: Request) -> list[str]:
            asked.append(request.url.query)
            if request.url.query == "unknown":
                raise UnknownNameError("there is none")
            return [row.name for row in catalog.all_datasets(workspace)]

        application = Starlette(routes=[route("/names", handler, of_state=True)])

        async def ask() -> None:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                for _ in range(3):
                    assert (await client.get("/names")).json() == ["tiny"]
                assert asked == [""]
                assert (await client.get("/names?a=1")).json() == ["tiny"]
                assert asked == ["", "a=1"]
                for _ in range(2):
                    assert (await client.get("/names?unknown")).status_code == 404
                assert asked == ["", "a=1", "unknown", "unknown"]  # errors are not kept
                catalog.change(workspace, "tiny", "small", "", [])
                assert (await client.get("/names")).json() == ["small"]

        with serve(workspace):
            asyncio.run(ask())

    @pytest.mark.parametrize(
        ("one", "other"), [("a?b", "a%3Fb"), ("a#b", "a%23b"), ("a\tb", "ab"), ("a\nb", "ab")]
    )
    def test_paths_that_look_alike_in_a_url(self, workspace: Workspace, one: str, other: str) -> None:
        application = Starlette(
            routes=[route("/names/{name}", lambda _workspace, request: request.path_params, of_state=True)]
        )

        async def ask() -> None:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                for name in (one, other, one):
                    answer = await client.get(f"/names/{quote(name, safe='')}")
                    assert answer.json() == {"name": name}

        with serve(workspace):
            asyncio.run(ask())

    def test_long_questions_count(self, workspace: Workspace) -> None:
        """Whoever asks decides how long a question is, and how many different ones get the same short answer."""
        first = "/names?first"
        looks = 0

        def handler(_workspace: Workspace, request: Request) -> list[str]:
            nonlocal looks
            looks += request.url.query == "first"
            return []

        application = Starlette(routes=[route("/names", handler, of_state=True)])

        async def ask() -> None:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                await client.get(first)
                for number in range(ANSWERS.size // 1_000_000):
                    await client.get("/names", headers={"accept": f"{number:01000000}"})
                await client.get(first)

        with serve(workspace):
            asyncio.run(ask())
        assert looks == 2  # the others left no room for it
