"""The dataset commands. With a running instance or a server, they use its REST API."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator.cli.options import Json, Server, client, instance, read_settings
from evaluator.cli.readings import given_changes, given_reading, print_recognised, print_unused, resolve
from evaluator.cli.servers.sending import Choices, send_dataset
from evaluator.cli.terminal import Stages, confirm, print_json, print_table, remark, say
from evaluator.errors import InvalidInputError

if TYPE_CHECKING:
    from evaluator.datasets.health.report import HealthReport
    from evaluator.datasets.reading import Reading, Repair
    from evaluator.datasets.recognition.recognise import Recognised
    from evaluator.datasets.staging.importing import OpenedFiles
    from evaluator.uploads.examination import Checked

# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

dataset_app = typer.Typer(
    help="Import, check, list, show, export and delete datasets.", no_args_is_help=True, rich_markup_mode=None
)

Origin = Annotated[
    str,
    typer.Argument(
        metavar="PATH", help="A file, an archive or a folder; or hf:organisation/name, or ir_datasets:id."
    ),
]
ReadingFile = Annotated[
    Path | None,
    typer.Option("--reading", help="How to read the files (YAML or JSON, as printed by `check --json`)."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change one field of the recognised reading: qrels.grade=stars, 'qrels.grades={\"good\": 1}', "
        "corpus.table.header=3, qrels=none. May be given several times.",
    ),
]
ExcludeSelf = Annotated[
    bool | None,
    typer.Option(
        "--exclude-self/--keep-self",
        help="Leave a document with a query's own id out of that query's list. Default: keep it, unless the files "
        "are an export that leaves it out.",
    ),
]
REPAIRS: dict[Repair, str] = {
    "leave-out-rows": "to leave them out",
    "match-padded-ids": "to take them for the same",
}
"""What each repair is for."""

Name = Annotated[str, typer.Argument(help="The dataset's name.")]


@dataset_app.command("import")
def dataset_import(
    path: Origin,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset. Default: the name of the folder or file.")
    ] = None,
    reading: ReadingFile = None,
    set_: Changes = None,
    exclude_self: ExcludeSelf = None,
    description: Annotated[str, typer.Option(help="What users should know about the dataset.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be given several times.")] = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Import a dataset: recognise, check and store its files. An existing name gets a new version.

    With a server the files are sent there.
    """
    from evaluator.artifacts.store import ArtifactStore
    from evaluator.datasets.staging.gathering import is_reference
    from evaluator.datasets.staging.importing import open_files
    from evaluator.datasets.staging.stage import publish
    from evaluator.library.catalog import checked_name
    from evaluator.remote.instance import open_instance
    from evaluator.uploads.folder import scratch_folder
    from evaluator.uploads.receiving import room

    settings = read_settings()
    chosen, changes = given_reading(reading), given_changes(set_)
    dataset_name = checked_name(name or default_name(path))
    there = client(server)
    if there is not None:
        choices = Choices(chosen, changes, exclude_self, _remark_remedy)
        with there:
            sent = send_dataset(there, path, choices, dataset_name, description, tag or [])
        print_imported(sent.record, sent.recognised, sent.reading, sent.report, json_=json_)
        return
    with open_instance(settings):  # check before the work that the dataset can be registered
        pass
    store = ArtifactStore(settings.artifacts_url, settings.home_path / "cache")
    with (
        room(str(settings.home_path)),
        tempfile.TemporaryDirectory(prefix="import-", dir=scratch_folder(settings)) as scratch,
        Stages() as stages,
        open_files(path, settings.unpacked_limit, Path(scratch), stages.stage) as opened,
    ):
        resolved = resolve(path, opened.recognised, chosen, changes)
        checked = _checked(opened, resolved, exclude_self, Path(scratch), stages)
        stages.stage("storing")
        _remark_remedy(checked.report)
        manifest = publish(checked.staged, store)
    with open_instance(settings) as opened_instance:
        source = path if is_reference(path) else str(Path(path).expanduser().resolve())
        record = opened_instance.register_dataset(
            dataset_name, manifest.fingerprint, source, description, tag or (), checked.provenance
        )
    print_imported(record, opened.recognised, resolved, checked.report, json_=json_)


@dataset_app.command("check")
def dataset_check(
    path: Origin,
    reading: ReadingFile = None,
    set_: Changes = None,
    exclude_self: ExcludeSelf = None,
    json_: Json = False,
) -> None:
    """Show how files are recognised, and check the dataset. Exit code 1: it cannot be imported."""
    from evaluator.datasets.recognition.doubts import changed
    from evaluator.datasets.recognition.unused import unused
    from evaluator.datasets.staging.importing import open_files
    from evaluator.uploads.receiving import room

    settings = read_settings()
    chosen, changes = given_reading(reading), given_changes(set_)
    with (
        room(tempfile.gettempdir()),
        tempfile.TemporaryDirectory(prefix="evaluator-check-") as name,
        Stages() as stages,
    ):
        scratch = Path(name)
        with open_files(path, settings.unpacked_limit, scratch, stages.stage) as opened:
            recognised = opened.recognised
            resolved = chosen or recognised.reading
            if resolved is not None:
                resolved = changed(resolved, changes)
            doubts = [] if chosen else recognised.doubts_left(changes)
            report = (
                None
                if resolved is None or doubts
                else _checked(opened, resolved, exclude_self, scratch, stages).report
            )
    left_out = [] if resolved is None else unused(recognised, resolved)
    if json_:
        print_json(
            {
                "reading": resolved and resolved.to_json(),
                "tables": recognised.to_json()["tables"],
                "report": report and report.to_json(),
                "problems": list(recognised.problems),
                "doubts": [dataclasses.asdict(doubt) for doubt in doubts],
                "unused": [dataclasses.asdict(item) for item in left_out],
            }
        )
    else:
        print_recognised(recognised, resolved)
        for doubt in doubts:
            say(f"question: {doubt}")
        if report is not None:
            _print_report(report)
    if report is None or report.blocking or (recognised.problems and not chosen):
        raise typer.Exit(1)


@dataset_app.command("list")
def dataset_list(server: Server = None, json_: Json = False) -> None:
    """List the datasets that are stored."""
    with instance(server) as opened:
        records = opened.datasets()
    if json_:
        print_json(records)
    else:
        print_datasets(records)


@dataset_app.command("show")
def dataset_show(name: Name, server: Server = None, json_: Json = False) -> None:
    """Show a dataset: its size, description, versions, the files it comes from, and which experiments use it."""
    with instance(server) as opened:
        record = opened.dataset(name)
    if json_:
        print_json(record)
        return
    print_datasets([record])
    if record["description"]:
        say(record["description"])
    if record["tags"]:
        say(f"tags: {', '.join(record['tags'])}")
    for note in record["notes"]:
        say(f"note: {note['message']}" + (f" ({note['count']:,})" if note["count"] else ""))
    print_table(
        "versions",
        ("version", "fingerprint", "change", "since"),
        [(v["version"], v["fingerprint"], v["change"], v["created_at"]) for v in record["versions"]],
    )
    _print_provenance(record["provenance"])
    users = ", ".join(experiment["name"] for experiment in record["used_by"]) or "no experiment"
    say(f"used by: {users}")


@dataset_app.command("export")
def dataset_export(
    name: Name,
    output: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The file to write.")],
    server: Server = None,
) -> None:
    """Write a dataset as a zip in BEIR's format; importing it gives the same fingerprint."""
    if output.exists():
        raise InvalidInputError(f"{output} is there already; choose another file")
    with instance(server) as opened, Stages() as stages:
        stages.stage("writing")
        opened.export_dataset(name, output)
    say(output)


@dataset_app.command("delete")
def dataset_delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
    server: Server = None,
) -> None:
    """Delete a dataset with all of its versions; refused while experiments use it."""
    with instance(server) as opened:
        record = opened.dataset(name)
        if not yes:
            confirm(f"Delete {record['name']} ({record['documents']:,} documents)?")
        opened.delete_dataset(record["name"])
    remark(f"{record['name']} is deleted.")


def default_name(origin: str) -> str:
    """The default name of a dataset: its file's or folder's name, or the last part of its reference to a hub."""
    from evaluator.datasets.staging.gathering import is_reference

    if is_reference(origin):
        return origin.partition(":")[2].partition("@")[0].strip("/").replace("/", "-")
    path = Path(origin).expanduser().resolve()
    return path.name if path.is_dir() else path.name.partition(".")[0]


def _checked(
    opened: OpenedFiles, reading: Reading, exclude_self: bool | None, scratch: Path, stages: Stages
) -> Checked:
    """Read files and examine the dataset, which is staged below `scratch`."""
    from evaluator.uploads.examination import check

    return check(
        opened.folder,
        reading,
        scratch / "staged",
        exclude_self=opened.exclude_self if exclude_self is None else exclude_self,
        on_stage=stages.stage,
        on_progress=stages.count,
    )


def print_imported(
    record: dict[str, Any], recognised: Recognised, reading: Reading, report: HealthReport, *, json_: bool
) -> None:
    """Print a dataset that was imported: its record, what was not used, and what the check remarked."""
    if json_:
        print_json(record)
        return
    print_datasets([record])
    print_unused(recognised, reading)
    print_remarks(report)


def print_remarks(report: HealthReport) -> None:
    """Print what the check of a stored dataset remarked."""
    for finding in report.findings:
        remark(f"{finding.severity}: {finding.message}")


def _remark_remedy(report: HealthReport) -> None:
    if report.can_leave_out:
        remark(f"To import without the rows that are wrong: {_remedy('leave-out-rows')}")


def print_datasets(records: list[dict[str, Any]]) -> None:
    """Print datasets as a table."""
    columns = ("name", "version", "documents", "queries", "judgments", "fingerprint", "source")
    print_table("", columns, [[record[column] for column in columns] for record in records])


def _print_provenance(record: dict[str, Any] | None) -> None:
    """Print where a dataset comes from."""
    from evaluator.domain.dataset import Provenance
    from evaluator.library.provenance import FILE_COLUMNS, UNKNOWN, files_shown, sentences

    if record is None:
        say(UNKNOWN)
        return
    fields = dict(record)
    version = fields.pop("version_imported")
    provenance = Provenance.from_json(fields)
    for sentence in sentences(version, provenance):
        say(sentence)
    shown, others = files_shown(provenance)
    print_table("files", FILE_COLUMNS, [(file.name, file.bytes, file.sha256) for file in shown])
    if others:
        say(f"and {others:,} more")


def _remedy(repair: Repair) -> str:
    """The option that chooses a repair."""
    return f"--set repairs=[{repair}]"


def _print_report(report: HealthReport) -> None:
    """Print the health report."""
    say(f"{report.n_documents:,} documents, {report.n_queries:,} queries, {report.n_judgments:,} judgments")
    for finding in report.findings:
        say(f"\n{finding.severity}: {finding.message}\n  {finding.consequence}")
        if finding.repair and finding.severity != "note":
            say(f"  {REPAIRS[finding.repair]}: {_remedy(finding.repair)}")
        for example in finding.examples:
            say(f"  - {example}")
    if not report.findings:
        say("nothing to remark")
    say("")
    if report.grades:
        grades = ", ".join(f"{grade}: {n:,}" for grade, n in sorted(report.grades.items()))
        say(f"judgments by grade: {grades}")
    for truncation in report.truncation:
        say(
            f"{truncation.encoder} cuts off {truncation.share:.1%} of the documents after "
            f"{truncation.max_length} tokens (of {truncation.sampled:,} that were looked at)"
        )
    if report.languages:
        languages = ", ".join(f"{code} {share:.0%}" for code, share in report.languages.items())
        say(f"languages: {languages}")
    if report.detectable is not None:
        say(f"a difference of {report.detectable:.3f} and more can be told from chance")
