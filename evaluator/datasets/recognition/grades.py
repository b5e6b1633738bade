"""Which columns of judgments hold the grade, and how their values become grades; what is not clear is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from evaluator.datasets.formats.cells import boolean, decimal
from evaluator.datasets.formats.fields import is_rounded
from evaluator.datasets.reading import Combine
from evaluator.datasets.recognition.doubts import Doubt, Option
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.names import GRADE, LABELS, NO_GRADE, UNSURE_GRADE, family, plain

MOST_GRADES, LOWEST, HIGHEST = 12, -2, 100
"""Numbers that look like grades: so many different ones, between these bounds."""

MOST_LABELS, LONGEST_LABEL = 12, 40
"""Words that look like grades: so many different ones, of so many characters."""

COMBINE: dict[Combine, str] = {"majority": "the most frequent", "median": "the median", "mean": "the mean"}

Grade = tuple[tuple[str, ...] | None, list[Doubt]]
"""The columns of the grade, if any, and what is not clear about it."""


def grade_of(inspected: InspectedTable, used: Iterable[str], *, pairs: bool) -> Grade:
    """The columns that hold the grade of a table of judgments.

    Args:
        used: columns that mean something else.
        pairs: whether each row is a query and one document, so that any number beside them may be the grade.
    """
    taken = set(used)
    columns = [column for column in inspected.columns if column not in taken]
    named = [column for name in GRADE for column in columns if plain(column) == name]
    raters = _raters(inspected, columns)
    if raters and (not named or named[0] in raters):
        return _several(inspected, raters)
    if named and (plain(named[0]) not in UNSURE_GRADE or _could_be_grades(inspected, named[0])):
        return (named[0],), _doubts_of(inspected, named[0])
    unsure = named or ([column for column in columns if _candidate(inspected, column)] if pairs else [])
    if not unsure:
        return None, []
    options = [Option(f"the column {column!r}", {"qrels.grade": column}) for column in unsure]
    none = Option("none of them, every document named is relevant", {"qrels.grade": None})
    listed = ", ".join(map(repr, unsure))
    noun = "the column" if len(unsure) == 1 else "one of the columns"
    return None, [
        Doubt(f"{inspected.table}: is {noun} {listed} the grade of the judgments?", (*options, none))
    ]


def _raters(inspected: InspectedTable, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of one family that could each be a rater's grades: `rater_1` and `rater_2`, `grade a` and `grade b`."""
    families: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        if _could_be_grades(inspected, column) and plain(column) not in NO_GRADE:
            families[_family(column)].append(column)
    largest = max(families.values(), key=len, default=[])
    return tuple(largest) if len(largest) > 1 else ()


def _family(column: str) -> str:
    """A rater's column without the number or letter of the rater."""
    *first, last = column.replace("-", " ").replace("_", " ").split() or [""]
    return family(" ".join(first)) if first and len(last) == 1 else family(column)


def _several(inspected: InspectedTable, raters: tuple[str, ...]) -> Grade:
    options = [
        Option(f"{words} of their grades", {"qrels.grade": list(raters), "qrels.combine": combine})
        for combine, words in COMBINE.items()
    ]
    one = Option(f"{raters[0]!r} alone", {"qrels.grade": raters[0]})
    listed = ", ".join(map(repr, raters))
    return None, [
        Doubt(
            f"{inspected.table}: {listed} look like several raters' grades; which grade counts?",
            (*options, one),
        )
    ]


def _candidate(inspected: InspectedTable, column: str) -> bool:
    return plain(column) not in NO_GRADE and _could_be_grades(inspected, column)


def _could_be_grades(inspected: InspectedTable, column: str) -> bool:
    """Whether a column's values are few small numbers, decimals up to 1, true or false, or a few labels."""
    values = list(inspected.cells(column))
    if not values or inspected.is_textual(column):
        return False
    if all(boolean(value) is not None for value in values):
        return True
    numbers = [number for value in values if (number := decimal(value)) is not None]
    if len(numbers) == len(values):
        whole = all(number.is_integer() for number in numbers)
        few = len(set(numbers)) <= MOST_GRADES and all(LOWEST <= number <= HIGHEST for number in numbers)
        return few if whole else all(0 <= number <= 1 for number in numbers) or few
    return any(plain(str(value)) in LABELS for value in values) and _are_labels(values)


def _are_labels(values: Sequence[object]) -> bool:
    labels = {str(value).strip() for value in values}
    return len(labels) <= MOST_LABELS and all(len(label) <= LONGEST_LABEL for label in labels)


def _doubts_of(inspected: InspectedTable, column: str) -> list[Doubt]:
    """What must be said about the values of the grade before they are whole numbers."""
    values = [value for value in inspected.cells(column) if boolean(value) is None]
    numbers = [number for value in values if (number := decimal(value)) is not None]
    if len(numbers) < len(values):
        words = list(dict.fromkeys(str(value).strip() for value in values if decimal(value) is None))
        return [_words(inspected, column, words)] if _are_labels(words) else []
    if all(number.is_integer() for number in numbers):
        return []
    return [_decimals(inspected, column, values, numbers)]


def _words(inspected: InspectedTable, column: str, words: list[str]) -> Doubt:
    """Which grades labels stand for: the proposal counts from 0 in the order of relevance."""
    known = {word: LABELS.get(plain(word), 0) for word in words}
    order = sorted(set(known.values()))
    lowest = 0 if 0 in order else 1
    grades = {word: order.index(level) + lowest for word, level in known.items()}
    grades = dict(sorted(grades.items(), key=lambda item: -item[1]))
    proposal = ", ".join(f"{word} {grade}" for word, grade in grades.items())
    unknown = [word for word in words if plain(word) not in LABELS]
    remark = f" ({', '.join(unknown)}: unknown, so 0)" if unknown else ""
    return Doubt(
        f"{inspected.table}: {column} holds words; which grades do they stand for?",
        (Option(f"{proposal}{remark}", {"qrels.grades": grades}),),
    )


def _decimals(
    inspected: InspectedTable, column: str, values: Sequence[object], numbers: Sequence[float]
) -> Doubt:
    """Which whole numbers decimals stand for."""
    middle = round((min(numbers) + max(numbers)) / 2, 2)
    places = max(len(str(value).replace(",", ".").partition(".")[2].rstrip("0")) for value in values)
    scale = 10 ** min(max(places, 1), 4)
    return Doubt(
        f"{inspected.table}: {column} holds decimals from {min(numbers):g} to {max(numbers):g}, but grades are whole "
        "numbers; which ones do they stand for?",
        (
            Option(f"1 from {middle:g} on, else 0", {"qrels.cut": middle}),
            Option(f"all of them, times {scale:,}", {"qrels.scale": scale}),
        ),
    )


def combine_of(
    inspected: InspectedTable, query: str, document: str, grade: Sequence[str] | None
) -> list[Doubt]:
    """Whether several raters give the same document different grades, in rows of their own."""
    if grade is None or len(grade) > 1:
        return []
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in inspected.rows:
        if not (is_rounded(row.get(query)) or is_rounded(row.get(document))):  # those are refused as ids
            said[str(row.get(query)), str(row.get(document))].add(str(row.get(grade[0])).strip())
    if all(len(grades) == 1 for grades in said.values()):
        return []
    return [
        Doubt(
            f"{inspected.table}: the same document has several grades for the same query; which one counts?",
            tuple(Option(f"{words} of them", {"qrels.combine": how}) for how, words in COMBINE.items()),
        )
    ]
