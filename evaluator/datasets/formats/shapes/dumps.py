"""Documents of Elasticsearch and OpenSearch: dumps, with the fields below `_source`, and bulk requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluator.datasets.formats.shapes.shape import EACH, Shape
from evaluator.datasets.formats.text_lines import read_objects
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

ID, SOURCE = "_id", "_source"
WRITING = ("index", "create")
"""Actions of a bulk request that are followed by a document."""
ACTIONS = (*WRITING, "update", "delete")
ACTION_MEMBERS = {
    *("_index", "_type", ID, "routing", "pipeline", "require_alias", "dynamic_templates", "op_type"),
    *(
        "version",
        "version_type",
        "if_seq_no",
        "if_primary_term",
        "retry_on_conflict",
        "list_executed_pipelines",
    ),
}


def _fields(hit: Fields) -> Iterator[Fields]:
    source = hit.get(SOURCE)
    yield {ID: hit.get(ID), **(source if isinstance(source, dict) else {})}


ELASTICDUMP = Shape(
    "elasticdump",
    "documents of Elasticsearch or OpenSearch",
    ((EACH,), ("hits", "hits", EACH), ()),
    lambda hit: ID in hit and isinstance(hit.get(SOURCE), dict),
    {"": _fields},
)
"""What elasticdump writes, and what a search answers."""


def is_action(record: object) -> bool:
    """Whether an object is the action line of a bulk request."""
    if not isinstance(record, dict) or len(record) != 1:
        return False
    name, action = next(iter(record.items()))
    return name in ACTIONS and isinstance(action, dict) and action.keys() <= ACTION_MEMBERS


def read_bulk(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The documents of a bulk request: `_id` of the action, and the fields of the line below it."""
    action: tuple[str, Fields] | None = None
    for place, row in read_objects(folder, table.file, table.encoding):
        if isinstance(row, DatasetError):
            yield place, row
            action = None
        elif action is not None:
            yield place, _document(*action, row, place)
            action = None
        elif is_action(row):
            name, members = next(iter(row.items()))
            if name == "delete":
                yield place, place.error("a deletion is no document", "give the documents that are left")
            else:
                action = name, members if isinstance(members, dict) else {}
        else:
            yield (
                place,
                place.error("an action is expected, such as index", "write an action above every document"),
            )


def _document(action: str, members: Fields, source: Fields, place: Place) -> Fields | DatasetError:
    if action not in WRITING:
        return place.error(f"{action} changes a document", "write whole documents, with index or create")
    return {ID: members[ID], **source} if ID in members else source
