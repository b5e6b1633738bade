"""The JSON bodies of routes. Field types are checked here; the called services check the values."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictBool, StrictInt, ValidationError

from evaluator.datasets.reading import Reading
from evaluator.domain.access import Role
from evaluator.domain.dataset import Provenance
from evaluator.domain.json_record import first_fault
from evaluator.domain.records import Part
from evaluator.errors import InvalidInputError

Given = TypeVar("Given", bound="Body")


class Body(BaseModel):
    """A JSON object; messages show its `example`."""

    example: ClassVar[str]


class ExperimentFile(Body):
    """An experiment file's text. It names datasets; paths on the server are refused."""

    example = '{"yaml": "<an experiment file\'s text>"}'
    yaml: str


def _provenance(record: Any) -> Provenance:
    if not isinstance(record, dict):
        raise ValueError("Input should be an object")
    return Provenance.from_json(record)


GivenProvenance = Annotated[Provenance, PlainValidator(_provenance, json_schema_input_type=Provenance)]


class DatasetRegistration(Body):
    """A name for a dataset in the artifact store."""

    model_config = ConfigDict(extra="forbid")
    example = (
        '{"name": "...", "fingerprint": "...", "source": "...", "description": "...", "tags": ["..."], '
        '"provenance": {...}, "adds_to": "<fingerprint>"}, description, tags, provenance and adds_to optional'
    )
    name: str
    fingerprint: str
    source: str
    description: str = ""
    tags: list[str] = Field(default_factory=list)
    provenance: GivenProvenance | None = None
    adds_to: str | None = None


class QueryToAdd(BaseModel):
    """A query; without an id, it gets one from its text."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="forbid")
    text: str
    query_id: str | None = None
    tags: tuple[str, ...] = ()


class QueriesToAdd(Body):
    """Queries to add to a dataset, and where they come from."""

    example = '{"queries": [{"text": "...", "query_id": "...", "tags": ["..."]}], "note": "..."}, only text is required'
    queries: list[QueryToAdd]
    note: str = ""


class DatasetChanges(Body):
    """A dataset's new name, description and tags; omitted fields keep their values."""

    model_config = ConfigDict(extra="forbid")
    example = '{"name": "...", "description": "...", "tags": ["..."]}, each of them optional'
    name: str = ""
    description: str = ""
    tags: list[str] = Field(default_factory=list)


class GradeChange(BaseModel):
    """A judgment; one without a grade is removed."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    query_id: str
    doc_id: str
    grade: StrictInt | None


class JudgmentChanges(Body):
    """Judgments to add, change or remove, and the reason."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    example = '{"changes": [{"query_id": "...", "doc_id": "...", "grade": 1 or null}], "note": "..."}'
    changes: list[GradeChange]
    note: str = ""


class UploadSource(Body):
    """A dataset on a hub."""

    example = '{"reference": "hf:organisation/name" or "ir_datasets:id"}'
    reference: str


def _reading(record: Any) -> Reading:
    if not isinstance(record, dict):
        raise ValueError("Input should be an object")
    return Reading.from_json(record)


class UploadReading(Body):
    """How an upload's files are read: a whole reading, or what was recognised with changes that answer its doubts."""

    example = (
        '{"reading": <a reading>, "exclude_self": true or false}, or instead of the reading '
        '"changes": {"qrels.grade": "stars"} to what was recognised'
    )
    reading: Annotated[Reading | None, PlainValidator(_reading, json_schema_input_type=Reading)] = None
    changes: dict[str, Any] = Field(default_factory=dict)
    exclude_self: StrictBool = False


class DatasetDescription(Body):
    """The name, description and tags of a dataset that is stored from an upload, perhaps as one's next version."""

    example = '{"name": "<name>", "description": "<text>", "tags": ["<tag>"], "next_version": true or false}'
    name: str
    description: str = ""
    tags: list[str] = Field(default_factory=list)
    next_version: StrictBool = False


class VectorsToDrop(Body):
    """Which vectors to drop: those of some encoders, or the least recently used ones beyond a limit."""

    example = '{"limit": bytes or null, "encoders": ["..."]}, each of them optional'
    limit: Annotated[StrictInt, Field(ge=0)] | None = None
    encoders: list[str] | None = None


def read_body(kind: type[Given], content: bytes) -> Given:
    """Read the body of a request.

    Raises:
        InvalidInputError: it is not JSON, or not valid; names the field and shows an example.
    """
    try:
        return kind.model_validate(_json(kind, content))
    except ValidationError as error:
        raise InvalidInputError(
            f"the body is not valid ({first_fault(error)}); send {kind.example}"
        ) from error


def _json(kind: type[Body], content: bytes) -> Any:
    try:
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()  # raises for half a surrogate pair, which JSON allows
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            "the body holds half of a surrogate pair, which is no text; write the whole character"
        ) from error
    except RecursionError as error:
        raise InvalidInputError(f"the body's values are nested too deeply; send {kind.example}") from error
    except ValueError as error:
        raise InvalidInputError(f"the body is not JSON ({error}); send {kind.example}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"the body is not a JSON object; send {kind.example}")
    return value


class NewAccount(Body):
    """Somebody to invite; with a password, the account is made at once."""

    model_config = ConfigDict(extra="forbid")
    example = '{"name": "...", "role": "viewer"}; role is viewer, judge, editor, admin or null; is_admin is optional'
    name: str
    role: Role | None = None
    is_admin: StrictBool = False
    password: str | None = None


class AccountChange(Body):
    """What to change of an account; what is missing stays."""

    model_config = ConfigDict(extra="forbid")
    example = '{"role": "editor"}, or is_admin, is_closed: true or false; role null takes it away'
    role: Role | None = None
    is_admin: StrictBool | None = None
    is_closed: StrictBool | None = None


class TokenDescription(Body):
    """A token to make."""

    model_config = ConfigDict(extra="forbid")
    example = (
        '{"name": "CI", "role": "viewer", "days": 90}; role, days and project optional, days null for no end'
    )
    name: str
    role: Role | None = None
    days: StrictInt | None = 90
    project: str | None = None


class ProjectQuotas(Body):
    """What a project may use; what is missing stays, null is no limit."""

    model_config = ConfigDict(extra="forbid")
    example = '{"storage": 10000000000, "running": 2, "usd_a_month": 50}, or null for no limit'
    storage: Annotated[StrictInt, Field(ge=0, le=10**18)] | None = None
    running: Annotated[StrictInt, Field(ge=0, le=100_000)] | None = None
    usd_a_month: Annotated[float, Field(ge=0, le=10**9)] | None = None


class NewProject(Body):
    """A project to make."""

    model_config = ConfigDict(extra="forbid")
    example = '{"name": "web-search"}'
    name: str


class ShareRequest(Body):
    """A share link to make."""

    model_config = ConfigDict(extra="forbid")
    example = (
        '{"part": "report", "days": 30}; or leaderboard, comparison; measure, baseline, a and b are optional'
    )
    part: Part = "report"
    days: StrictInt = 30
    measure: str | None = None
    baseline: str | None = None
    a: str | None = None
    b: str | None = None

    def choices(self) -> dict[str, str | None]:
        """What is chosen of the part."""
        return {"measure": self.measure, "baseline": self.baseline, "a": self.a, "b": self.b}


class SharePermission(Body):
    """Whether there may be share links."""

    model_config = ConfigDict(extra="forbid")
    example = '{"allowed": false}'
    allowed: StrictBool


class CommentText(Body):
    """A comment's new text."""

    model_config = ConfigDict(extra="forbid")
    example = '{"text": "..."}'
    text: str


class NewComment(CommentText):
    """A comment on an experiment, or on a variant or a query of it."""

    example = '{"text": "...", "variant": "...", "query": "...", "by": "..."}, only text is required'
    variant: str | None = None
    query: str | None = None
    by: str = ""


class NewDecision(Body):
    """Which variant ships, and why."""

    model_config = ConfigDict(extra="forbid")
    example = '{"variant": "..." or null, "reason": "...", "by": "..."}, by without accounts'
    variant: str | None
    reason: str
    by: str = ""


class ReadNotifications(Body):
    """Which notifications were read; all without ids."""

    model_config = ConfigDict(extra="forbid")
    example = '{"ids": ["..."]}, or {} for all'
    ids: list[str] | None = None


class WantedNotifications(Body):
    """What somebody wants to be told, and how; a webhook that is missing stays, an empty one goes."""

    model_config = ConfigDict(extra="forbid")
    example = (
        '{"events": ["finished", "failed", "regressed"], "everybodys": false, "baseline": null, "max_loss": 0.01, '
        '"in_app": true, "mail_to": null, "webhook_url": "https://..."}, each of them optional'
    )
    events: list[str] = Field(default_factory=list)
    everybodys: StrictBool = False
    baseline: str | None = None
    max_loss: float = 0.01
    in_app: StrictBool = True
    mail_to: str | None = None
    webhook_url: str | None = None
