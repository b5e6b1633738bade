"""Findings: what is wrong or worth knowing about a dataset, what follows from it, and some examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from evaluator.domain.json_record import JsonRecord

EXAMPLES = 5
"""Examples that a finding or a note keeps."""

EXAMPLE_CHARACTERS = 500
"""Characters of an example: an id or a message may be of any length, a report may not."""

Severity = Literal["blocking", "warning", "note"]
"""`blocking`: the dataset cannot be stored. `warning`: scores may mislead. `note`: good to know."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The gravest first."""


@dataclass(frozen=True)
class Finding(JsonRecord):
    """One kind of thing that was met.

    Attributes:
        code: names the rule; docs/datasets.md lists them.
        severity: what it means for storing the dataset.
        count: how often it was met.
        message: what was met, with the count, as a person reads it.
        consequence: what follows from it and, if there is something, what to do.
        examples: at most `EXAMPLES`: ids, or `place: reason; remedy` for what blocks.
    """

    code: str
    severity: Severity
    count: int
    message: str
    consequence: str
    examples: tuple[str, ...] = ()


@dataclass
class Tally:
    """Counts what is met, and keeps the first different examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.examples) < EXAMPLES and (written := shortened(example)) not in self.examples:
            self.examples.append(written)


def shortened(example: str) -> str:
    """An example of at most `EXAMPLE_CHARACTERS`."""
    return example if len(example) <= EXAMPLE_CHARACTERS else f"{example[: EXAMPLE_CHARACTERS - 1]}…"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number and what it counts: `1 query`, `2,000 documents`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
