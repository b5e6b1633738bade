"""The command that adds queries and judgments to a dataset."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator.cli.datasets import Changes, Name, ReadingFile, dataset_app, print_datasets, print_remarks
from evaluator.cli.options import Json, Server, client, instance, read_settings
from evaluator.cli.readings import given_changes, given_reading, print_unused, resolve
from evaluator.cli.servers.sending import Choices, send_additions
from evaluator.cli.terminal import Stages, print_json, remark
from evaluator.errors import InvalidInputError

if TYPE_CHECKING:
    from evaluator.datasets.health.report import HealthReport
    from evaluator.datasets.reading import Reading
    from evaluator.datasets.recognition.recognise import Recognised

# Commands import what they need when they run, so that `--help` is fast.
# ruff: noqa: PLC0415


@dataset_app.command("add")
def dataset_add(
    name: Name,
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]", help="A file, an archive or a folder with queries, judgments or both."
        ),
    ] = None,
    query: Annotated[
        list[str] | None, typer.Option(help="A query's text, instead of a file; may be given several times.")
    ] = None,
    note: Annotated[str, typer.Option(help="Where the queries come from.")] = "",
    reading: ReadingFile = None,
    set_: Changes = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Add queries and judgments to a dataset: its next version, over the same documents."""
    if bool(path) == bool(query):
        raise InvalidInputError("give either a file with queries or judgments, or --query TEXT")
    if query:
        with instance(server) as opened:
            added = opened.add_queries(name, [{"text": text} for text in query], note)
        if json_:
            print_json(added)
            return
        remark(f"{added['added']:,} of {len(query):,} are new.")
        print_datasets([added["dataset"]])
        return
    chosen, changes = given_reading(reading), given_changes(set_)
    there = client(server)
    if there is None:
        _add_files(name, str(path), chosen, changes, json_=json_)
        return
    with there:
        choices = Choices(chosen, changes, there.dataset(name)["exclude_self"])
        sent = send_additions(there, str(path), choices, name)
    _print_added(sent.record, sent.recognised, sent.reading, sent.report, json_=json_)


def _print_added(
    record: dict[str, Any], recognised: Recognised, reading: Reading, report: HealthReport, *, json_: bool
) -> None:
    if json_:
        print_json(record)
        return
    print_unused(recognised, reading)
    print_remarks(report)
    print_datasets([record])


def _add_files(name: str, path: str, chosen: Reading | None, changes: dict[str, Any], *, json_: bool) -> None:
    """Add what files hold to a dataset of this home folder, and print its record."""
    from evaluator.artifacts.store import ArtifactStore
    from evaluator.datasets.staging.extending import link_stored, require_news
    from evaluator.datasets.staging.gathering import gathered, link_files
    from evaluator.datasets.staging.importing import recognise_files
    from evaluator.datasets.staging.stage import publish, require_sound
    from evaluator.datasets.stored import StoredDataset
    from evaluator.uploads.examination import check
    from evaluator.uploads.folder import scratch_folder
    from evaluator.uploads.receiving import room

    settings = read_settings()
    with instance() as opened:
        before = opened.dataset(name)
    store = ArtifactStore(settings.artifacts_url, settings.home_path / "cache")
    manifest = StoredDataset.open(store, before["fingerprint"]).manifest
    with (
        room(str(settings.home_path)),
        tempfile.TemporaryDirectory(prefix="import-", dir=scratch_folder(settings)) as scratch,
        Stages() as stages,
        gathered(path, settings.unpacked_limit, Path(scratch)) as files,
    ):
        folder = Path(scratch) / "files"
        link_files(files, folder)
        link_stored(store, manifest, folder)
        stages.stage("recognising")
        recognised = recognise_files(folder, adds=True).recognised
        resolved = resolve(path, recognised, chosen, changes)
        checked = check(
            folder,
            resolved,
            Path(scratch) / "staged",
            exclude_self=manifest.exclude_self,
            on_stage=stages.stage,
            on_progress=stages.count,
            adds=True,
        )
        require_news(manifest, require_sound(checked.staged))
        stages.stage("storing")
        extended = publish(checked.staged, store)
    with instance() as opened:
        record = opened.register_dataset(
            before["name"],
            extended.fingerprint,
            before["source"],
            provenance=checked.provenance,
            adds_to=manifest.fingerprint,
        )
    _print_added(record, recognised, resolved, checked.report, json_=json_)
