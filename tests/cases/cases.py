"""All cases, by number. docs/datasets.md lists them."""

from __future__ import annotations

import re
from itertools import chain

from tests.cases.case import Case
from tests.cases.collections import collections
from tests.cases.elsewhere import elsewhere
from tests.cases.grades import grades
from tests.cases.programs import programs
from tests.cases.references import references
from tests.cases.runs import runs
from tests.cases.searches import searches
from tests.cases.tables import tables


def all_cases() -> list[Case]:
    """Every case, in the order of the numbers."""
    kinds = (references, grades, tables, programs, collections, runs, searches, elsewhere)
    return sorted(chain.from_iterable(kind() for kind in kinds), key=_place)


def _place(case: Case) -> tuple[int, str]:
    """The number, and its letter."""
    digits = re.match("[0-9]+", case.number)
    assert digits is not None
    return int(digits[0]), case.number
