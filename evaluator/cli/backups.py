"""The commands that back an instance up and restore it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluator.cli.options import Json, instance, read_settings
from evaluator.cli.terminal import Stages, print_json, remark
from evaluator.errors import InvalidInputError

if TYPE_CHECKING:
    from evaluator.operations.backup.manifest import Manifest

# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

backups_app = typer.Typer(rich_markup_mode=None)

MB = 1_000_000
SHOWN = 10
"""Missing artifacts that are named."""


@backups_app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as evaluator.tar.")],
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Also stored vectors, which can be computed again.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write a backup of the instance into one file; experiments go on meanwhile."""
    from evaluator.operations.backup.restoring import manifest_of

    if file.exists():
        raise InvalidInputError(f"{file} is there already; choose another file")
    with instance() as opened, Stages("MB") as stages:
        stages.stage("saving")
        opened.backup(file, vectors, lambda done, total: stages.count(done // MB, total // MB))
    _tell(manifest_of(file), "saved", json_)


@backups_app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `evaluator backup` wrote.")],
    json_: Json = False,
) -> None:
    """Restore a backup into a home without a database. All of it is checked first."""
    from evaluator.operations.backup.restoring import restore as restore_backup

    settings = read_settings()
    with Stages("MB") as stages:
        manifest = restore_backup(
            settings, file, stages.stage, lambda done, total: stages.count(done // MB, total // MB)
        )
    _tell(manifest, f"restored into {settings.home_path}", json_)
    if not json_:
        remark(
            "`evaluator up` starts the instance; `evaluator resume` continues an experiment that was running."
        )


def _tell(manifest: Manifest, done: str, json_: bool) -> None:
    """Say what a backup holds, and what it lacks."""
    if manifest.missing:
        shown = ", ".join(manifest.missing[:SHOWN]) + (" ..." if len(manifest.missing) > SHOWN else "")
        remark(
            f"warning: {len(manifest.missing):,} artifacts of datasets were missing or damaged, and are not in it: "
            f"{shown}; import these datasets again"
        )
    if json_:
        print_json(manifest.to_json())
        return
    rows = Counter(manifest.database.tables)
    remark(
        f"{rows['datasets']:,} datasets, {rows['experiments']:,} experiments, {rows['results']:,} results and "
        f"{len(manifest.artifacts):,} artifacts of {manifest.created_at} (version {manifest.version}) are {done}."
    )
