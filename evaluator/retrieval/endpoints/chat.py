"""Chat models behind an OpenAI-compatible HTTP interface."""

from __future__ import annotations

from typing import Any

from evaluator.domain.endpoint import Endpoint
from evaluator.errors import EncodingError
from evaluator.retrieval.endpoints.client import EndpointClient, Gate, RefusedError
from evaluator.retrieval.endpoints.usage import Usage


class ChatModel:
    """Asks `/chat/completions`, as repeatably as the server allows: temperature 0, and a seed."""

    def __init__(self, endpoint: Endpoint, gate: Gate) -> None:
        self.endpoint = endpoint
        self._client = EndpointClient(endpoint, gate)
        self._options: dict[str, Any] = {"temperature": 0, "seed": 0}

    def ask(self, system: str, question: str) -> tuple[str, Usage]:
        """The model's answer, empty if it gave none, and what it took.

        Raises:
            EncodingError: the endpoint does not answer, or not with a chat model's answer.
            EncoderNotFoundError, InvalidInputError: it refuses; trying again does not help.
            BudgetReachedError: the experiment may spend nothing more.
        """
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        body = {"model": self.endpoint.model, "messages": messages}
        while True:
            try:
                answer = self._client.post(
                    "chat/completions", {**body, **self._options}, len(system) + len(question)
                )
            except RefusedError as error:
                # Some models take no seed, or only their own temperature.
                refused = [option for option in self._options if option in error.server_message]
                if not refused:
                    raise
                for option in refused:
                    del self._options[option]
                continue
            try:
                content = answer.record["choices"][0]["message"]["content"]
            except (LookupError, TypeError) as error:
                raise EncodingError(f"{self._client.name} gives no choice with a message") from error
            return content if isinstance(content, str) else "", answer.usage
