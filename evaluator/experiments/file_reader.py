"""Experiment files: YAML in, an `Experiment` out, or every problem with its line.

The domain's frozen dataclasses are the schema. This module walks YAML's node tree, which knows the lines, along
their fields; pydantic checks each value against its field's type and bounds.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from evaluator.domain.experiment import Experiment
from evaluator.domain.matrix import Matrix, expand
from evaluator.domain.measures.scoring import canonical_measures, parse_measure
from evaluator.domain.pipelines.resolving import resolve_names, resolve_variant
from evaluator.domain.variant import Retrieve, Variant
from evaluator.errors import ExperimentFileError, InvalidInputError
from evaluator.experiments.endpoints import endpoint_problems
from evaluator.experiments.yaml_nodes import MAX_BYTES, MAX_DEPTH, NULL, compose, refuse_large

MAX_VALUES = 50_000
"""The most values in a file after its aliases are expanded."""
MAX_SHOWN = 60
"""The most characters of a value that a message quotes."""
MAX_NAMES = 50
"""The most names that a message lists or suggests."""
MAX_PROBLEMS = 100
"""Reading stops at this many problems: describing each takes time, and a generated file repeats the same one."""

Place = tuple[str | int, ...]
"""Where a value is: `("variants", 1, "retrieve")`."""

_INVALID: Any = object()
"""Stands for a value whose problem is already recorded."""

_YAML = "tag:yaml.org,2002:"
_NUMBERS = {_YAML + name for name in ("int", "float", "bool")}
_TAGS = {
    ScalarNode: {*_NUMBERS, NULL, _YAML + "str", _YAML + "timestamp"},
    SequenceNode: {_YAML + "seq"},
    MappingNode: {_YAML + "map"},
}


def parse_experiment(text: str, source: str = "experiment.yaml") -> Experiment:
    """Read an experiment from YAML: measures become canonical, the matrix is expanded, fusions are resolved.

    Args:
        text: the YAML document.
        source: the text's name in messages.

    Raises:
        ExperimentFileError: it is not valid; the message lists every problem, one per line.
    """
    reader = _Reader(source)
    root = compose(text, source)
    experiment: Experiment = reader.read(root, Experiment, (), _line(root))
    _check_measures(reader)
    _check_fusions(reader)
    for place, message in endpoint_problems(reader.values):
        reader.problem(place, message)
    reader.raise_problems()
    return dataclasses.replace(
        experiment,
        measures=canonical_measures(experiment.measures),
        variants=resolve_names(experiment.all_variants),
        matrix=None,
    )


def read_experiment(path: Path) -> Experiment:
    """Read an experiment from a YAML file (UTF-8); a dataset's folder may be relative to the file.

    Raises:
        ExperimentFileError: it cannot be read, or is not valid.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        refuse_large(len(content), str(path))
        experiment = parse_experiment(content.decode("utf-8-sig"), str(path))
    except OSError as error:
        raise ExperimentFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ExperimentFileError(f"{path}:{line}: is not UTF-8; save the file in that encoding") from error
    beside = path.parent / experiment.dataset
    return dataclasses.replace(experiment, dataset=str(beside)) if beside.is_dir() else experiment


class _Reader:
    """Reads nodes into the domain's dataclasses, and collects every problem."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[Place, int] = {}
        self.values: dict[Place, Any] = {}
        """All valid values, even if other places have problems."""
        self._problems: list[tuple[int, str]] = []
        self._visited = 0

    def problem(self, place: Place, message: str, line: int | None = None) -> None:
        """Record a problem; its line is the place's by default."""
        line = self.lines[place] if line is None else line
        self._problems.append((line, ": ".join(part for part in (_path(place), message) if part)))
        if len(self._problems) == MAX_PROBLEMS:
            self.raise_problems()

    def raise_problems(self) -> None:
        """Raise an error with all recorded problems by line, if there are any."""
        if self._problems:
            ordered = sorted(self._problems, key=lambda problem: problem[0])
            lines = [f"{self.source}:{line}: {text}" for line, text in ordered]
            if len(lines) == MAX_PROBLEMS:
                lines.append(f"{self.source}: there may be more; fix these {MAX_PROBLEMS} first")
            raise ExperimentFileError("\n".join(lines))

    def read(self, node: Node, hint: Any, place: Place, line: int) -> Any:
        """The node as a value of the hinted type, or `_INVALID`."""
        self._visited += 1
        if self._visited > MAX_VALUES or len(place) > MAX_DEPTH:
            limit = f"{MAX_VALUES:,} values" if len(place) <= MAX_DEPTH else f"{MAX_DEPTH} levels"
            raise ExperimentFileError(
                f"{self.source}:{line}: more than {limit} once aliases (*) are expanded"
            )
        self.lines[place] = line
        if node.tag not in _TAGS[type(node)]:
            self.problem(place, f"the tag {_shortened(node.tag)!r} is not allowed; write a plain value")
            return _INVALID
        value = self._read(node, hint, place)
        if value is not _INVALID:
            self.values[place] = value
        return value

    def _read(self, node: Node, hint: Any, place: Place) -> Any:
        options = _options(hint)
        if isinstance(node, MappingNode):
            record = _record_type(options)
            return self._record(node, record, place) if record else self._checked({}, node, hint, place)
        if isinstance(node, SequenceNode):
            item = next((get_args(option)[0] for option in options if get_origin(option) is tuple), None)
            return self._items(node, item, hint, place) if item else self._checked([], node, hint, place)
        try:
            value = _scalar(node, options)
        except (ValueError, LookupError, OverflowError):
            kind = "a number" if node.tag in _NUMBERS else "text"
            self.problem(place, f"{_shown(node)} cannot be used as {kind}")
            return _INVALID
        return self._checked(value, node, hint, place)

    def _record(self, node: MappingNode, record: Any, place: Place) -> Any:
        before = len(self._problems)
        hints = _hints(record)
        lines_by_name: dict[str, int] = {}
        values: dict[str, Any] = {}
        for key, child in node.value:
            name = key.value if isinstance(key, ScalarNode) else _shown(key)
            if name in lines_by_name:
                self.problem((*place, name), f"given twice, first on line {lines_by_name[name]}", _line(key))
                continue
            lines_by_name[name] = _line(key)
            if name in hints:
                values[name] = self.read(child, hints[name], (*place, name), _line(key))
            else:
                hint = f"{_did_you_mean(name, hints)} (fields here: {', '.join(hints)})"
                self.problem((*place, name), f"unknown field{hint}", _line(key))
        for field in dataclasses.fields(record):
            if field.name not in lines_by_name and _required(field):
                self.problem((*place, field.name), "is missing", self.lines[place])
        if len(self._problems) > before:
            return _INVALID
        try:
            return getattr(record, "written", record)(**values)
        except ValueError as error:
            self.problem(place, str(error))
            return _INVALID

    def _items(self, node: SequenceNode, item: Any, hint: Any, place: Place) -> Any:
        values = [self.read(child, item, (*place, n), _line(child)) for n, child in enumerate(node.value)]
        if any(value is _INVALID for value in values):
            return _INVALID
        return self._checked(tuple(values), node, hint, place)

    def _checked(self, value: Any, node: Node, hint: Any, place: Place) -> Any:
        try:
            return _adapter(hint).validate_python(value, strict=True)
        except ValidationError as error:
            expected = " or ".join(dict.fromkeys(_expected(detail, hint) for detail in error.errors()))
            suggestion = _did_you_mean(value, _choices(hint)) if isinstance(value, str) else ""
            self.problem(place, f"{_shown(node)} is not {expected}{suggestion}")
            return _INVALID


def _scalar(node: Node, options: tuple[Any, ...]) -> Any:
    """The scalar's value; a YAML number or date counts as text where a field needs text (`name: 2024`).

    Raises:
        ValueError, LookupError, OverflowError: it is not a valid value of its tag.
    """
    if node.tag == NULL:
        return None
    if node.tag in _NUMBERS and not {int, float, bool}.isdisjoint(options):
        value = SafeConstructor().construct_object(node)
        if not math.isfinite(value):
            raise ValueError("not finite")
        return value
    node.value.encode()  # raises for an escape such as "\ud800", half a character
    return node.value


def _check_measures(reader: _Reader) -> None:
    for place, notation in reader.values.items():
        if place[:1] == ("measures",) and isinstance(notation, str):
            try:
                parse_measure(notation)
            except InvalidInputError as error:
                reader.problem(place, str(error))


def _check_fusions(reader: _Reader) -> None:
    variants: tuple[Variant, ...] = reader.values.get(("variants",), ())
    matrix: Matrix | None = reader.values.get(("matrix",))
    by_name: dict[str, Variant] = {}
    sound = True
    for n, variant in enumerate(variants):
        if by_name.setdefault(variant.name, variant) is not variant:
            reader.problem(
                ("variants", n, "name"), f"{variant.name!r} is the name of another variant already"
            )
            sound = False
    if matrix:
        by_name |= {variant.name: variant for variant in expand(matrix, by_name)}
    for n, variant in enumerate(variants):
        for place, name in _fused_names(variant.retrieve, ("variants", n, "retrieve")):
            if name not in by_name:
                known = f"{_did_you_mean(name, by_name)} (variants: {_listed(by_name)})"
                reader.problem(place, f"no variant is called {_shortened(name)!r}{known}")
                sound = False
    for n, variant in enumerate(variants if sound else ()):
        try:
            resolve_variant(variant, by_name)
        except ValueError as error:
            reader.problem(("variants", n, "retrieve"), str(error))


def _fused_names(retrieve: Retrieve, place: Place) -> Iterator[tuple[Place, str]]:
    for n, part in enumerate(retrieve.fuse.of if retrieve.fuse else ()):
        inside = (*place, "fuse", "of", n)
        if isinstance(part, str):
            yield inside, part
        else:
            yield from _fused_names(part, inside)


_EXPECTED = {
    "string_type": "text",
    "string_too_short": "text of {min_length} or more characters",
    "string_too_long": "text of at most {max_length} characters",
    "int_type": "a whole number",
    "float_type": "a number",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "tuple_type": "a list",
    "predicate_failed": "text without control characters",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of at most {max_length}",
}
"""The expected value in words, by pydantic's error type."""


def _expected(detail: ErrorDetails, hint: Any) -> str:
    if detail["type"] == "literal_error":
        choices = _choices(hint)
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if detail["type"] == "dataclass_exact_type":
        record = _record_type(_options(hint))
        return f"a mapping (fields: {', '.join(_hints(record))})"
    if detail["type"] not in _EXPECTED:
        return detail["msg"].removeprefix("Input should be ")
    return _EXPECTED[detail["type"]].format(**detail.get("ctx", {}))


def _options(hint: Any) -> tuple[Any, ...]:
    """The types that a hint allows, without their bounds: `BM25 | None` gives (BM25, None's type)."""
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return tuple(option for part in get_args(hint) for option in _options(part))
    return (hint,)


def _record_type(options: tuple[Any, ...]) -> Any:
    return next((option for option in options if dataclasses.is_dataclass(option)), None)


def _choices(hint: Any) -> list[str]:
    return [
        choice for option in _options(hint) if get_origin(option) is Literal for choice in get_args(option)
    ]


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record, include_extras=True)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _path(place: Place) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in place)
    return "".join(steps).removeprefix(".")


def _key(name: str) -> str:
    return name if name.isidentifier() and len(name) <= MAX_SHOWN else repr(_shortened(name))


def _shown(node: Node) -> str:
    if isinstance(node, ScalarNode):
        text = _shortened(node.value)
        if node.tag == NULL:
            return "an empty value"
        return text if node.tag in _NUMBERS and text.isprintable() else repr(text)
    return "a mapping" if isinstance(node, MappingNode) else f"a list of {len(node.value)}"


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def _listed(names: Collection[str]) -> str:
    return ", ".join(islice(names, MAX_NAMES)) + (", ..." if len(names) > MAX_NAMES else "")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:MAX_SHOWN], islice(known, MAX_NAMES), n=1)
    return f"; did you mean {close[0]}?" if close else ""
