"""Findings: what is wrong with a dataset or worth knowing about it, the consequence, and some examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from evaluator.datasets.reading import Repair
from evaluator.domain.json_record import JsonRecord

EXAMPLES = 5
"""Maximum number of examples in a finding or a note."""

EXAMPLE_CHARACTERS = 500
"""Maximum characters of an example: an id or a message may be of any length, a report may not."""

Severity = Literal["blocking", "warning", "note"]
"""`blocking`: the dataset cannot be stored. `warning`: scores may mislead. `note`: good to know."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The most severe first."""


@dataclass(frozen=True)
class Finding(JsonRecord):
    """One kind of problem or remark about a dataset.

    Attributes:
        code: names the rule; docs/datasets.md lists them.
        severity: whether the dataset can be stored, and whether its scores can be trusted.
        count: number of occurrences.
        message: what was found, with the count, in words.
        consequence: what follows from it and, if there is a remedy, what to do.
        examples: at most `EXAMPLES`: ids, or `place: reason; remedy` for blocking findings.
        repair: what an import can do about it, if the reading's `repairs` say so; None if nothing.
    """

    code: str
    severity: Severity
    count: int
    message: str
    consequence: str
    examples: tuple[str, ...] = ()
    repair: Repair | None = None


@dataclass
class Tally:
    """Counts occurrences, and keeps the first distinct examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        """Count one occurrence."""
        self.count += 1
        if len(self.examples) < EXAMPLES and (shown := shortened(example)) not in self.examples:
            self.examples.append(shown)

    def __add__(self, other: Tally) -> Tally:
        """Both together; the examples of the first come before those of the second."""
        examples = dict.fromkeys((*self.examples, *other.examples))
        return Tally(self.count + other.count, list(examples)[:EXAMPLES])


def shortened(example: str) -> str:
    """The example, cut to at most `EXAMPLE_CHARACTERS`."""
    return example if len(example) <= EXAMPLE_CHARACTERS else f"{example[: EXAMPLE_CHARACTERS - 1]}…"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number and what it counts: `1 query`, `2,000 documents`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
