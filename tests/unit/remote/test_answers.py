"""What a client says about the answers of servers, of proxies before them, and of servers that are not ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from evaluator.errors import (
    EvaluatorError,
    InvalidInputError,
    ServerBusyError,
    ServerUnreachableError,
    UnknownNameError,
)
from evaluator.remote.client import Client
from tests.stub_server import Answer, StubServer, stub_server

TOKEN = SecretStr("ev_one")
DATASETS = "/api/datasets"


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with stub_server() as server:
        yield server


def error_of(stub: StubServer, answer: Answer) -> EvaluatorError:
    """What the client raises for an answer."""
    stub.answers[DATASETS] = answer
    with Client(stub.address, TOKEN) as client, pytest.raises(EvaluatorError) as raised:
        client.datasets()
    assert "ev_one" not in str(raised.value)
    return raised.value


def test_every_request_says_who_asks(stub: StubServer) -> None:
    stub.answers[DATASETS] = Answer(200, [])
    with Client(stub.address, TOKEN) as client:
        assert client.datasets() == []
    with Client(stub.address) as client:
        client.datasets()
    assert stub.tokens == ["Bearer ev_one", None]


def test_a_redirect_is_not_followed(stub: StubServer) -> None:
    with stub_server() as elsewhere:
        error = error_of(stub, Answer(302, headers={"location": f"{elsewhere.address}/api/datasets"}))
        assert f"redirects to {elsewhere.address}/api/datasets, which is not followed" in str(error)
        assert elsewhere.tokens == []


def test_who_is_not_known_is_told_to_log_in(stub: StubServer) -> None:
    error = error_of(stub, Answer(401, {"error": "the token has expired"}))
    assert str(error) == f"the server refused: the token has expired; run `evaluator login {stub.address}`"
    of_a_proxy = error_of(stub, Answer(401, "<html>Sign in</html>"))
    assert str(of_a_proxy) == f"the server refused: status 401; run `evaluator login {stub.address}`"


def test_who_may_not_is_told_what_the_server_says(stub: StubServer) -> None:
    error = error_of(stub, Answer(403, {"error": "this takes the role editor; Anna can grant it"}))
    assert str(error) == "the server refused: this takes the role editor; Anna can grant it"
    assert not isinstance(error, InvalidInputError)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(404, {"error": "no dataset"}), UnknownNameError),
        (Answer(422, {"error": "no"}), InvalidInputError),
        (Answer(413, {"error": "too large"}), InvalidInputError),
        (Answer(503, {"error": "still looking up"}, {"retry-after": "5"}), ServerBusyError),
        (Answer(503, {"error": "no queue"}), EvaluatorError),
        (Answer(502, "<html>Bad gateway</html>"), ServerUnreachableError),
        (Answer(500, ["no object"]), EvaluatorError),
    ],
)
def test_other_refusals_have_the_kind_that_fits(
    stub: StubServer, answer: Answer, kind: type[EvaluatorError]
) -> None:
    assert type(error_of(stub, answer)) is kind


def test_a_server_that_is_not_ours_is_told_apart(stub: StubServer) -> None:
    error = error_of(stub, Answer(200, "<html>Welcome</html>"))
    assert "answers, but not as this software's server does; check the address" in str(error)


def test_a_server_that_is_not_there_is_named() -> None:
    with stub_server() as stub:
        address = stub.address
    with (
        Client(address) as client,
        pytest.raises(ServerUnreachableError, match=f"does not answer at {address}"),
    ):
        client.datasets()


def test_a_server_says_whose_token_it_is_or_has_no_accounts(stub: StubServer) -> None:
    with Client(stub.address, TOKEN) as client:
        assert client.whoami() is None  # 404: an earlier version
        stub.answers["/api/whoami"] = Answer(200, {"name": None})
        assert client.whoami() is None
        anna = {"name": "Anna", "role": "editor", "project": "search"}
        stub.answers["/api/whoami"] = Answer(200, anna)
        assert client.whoami() == anna
