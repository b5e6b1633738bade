"""The steps from files to a dataset: fetch, unpack, recognise; read into Parquet, examine.

The command line calls these functions in its own process. A server runs them in another
(`python -m evaluator.uploads.examination`), because files from outside may crash, hang, or fill the memory;
what comes out is written into the upload's folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from evaluator.datasets.health.report import HealthReport, examine
from evaluator.datasets.reading import Reading, Table
from evaluator.datasets.staging.extending import open_extended, require_room_for_stored
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.gathering import link_files
from evaluator.datasets.staging.hub import fetch
from evaluator.datasets.staging.importing import recognise_files
from evaluator.datasets.staging.provenance import provenance_of
from evaluator.datasets.staging.stage import Staged, stage
from evaluator.datasets.staging.unpack import unpack
from evaluator.domain.dataset import Provenance
from evaluator.errors import EvaluatorError
from evaluator.jobs.processes.orphan import stop_without_supervisor
from evaluator.library.token_counters import token_counters
from evaluator.uploads.folder import (
    READING,
    RECOGNISED,
    REPORT,
    SOURCE,
    STAGED,
    WRITTEN,
    ProgressWriter,
    UploadFolder,
)

NICENESS = 5
"""The niceness of the process: the server and its workers have priority."""


class Checked(NamedTuple):
    """A dataset that was read, its health report, and where it comes from if it can be stored."""

    staged: Staged
    report: HealthReport
    provenance: Provenance | None


def check(
    folder: Path,
    reading: Reading,
    staged: Path,
    *,
    exclude_self: bool,
    on_stage: Callable[[str], None],
    on_progress: Callable[[int], None],
    adds: bool = False,
) -> Checked:
    """Read files as a dataset, and examine it.

    Args:
        folder: the files, unpacked.
        reading: how they are read.
        staged: where the dataset's Parquet goes.
        exclude_self: whether a document with the query's own id is left out of that query's list.
        on_stage: called when a stage begins, with its name.
        on_progress: called with the number of documents read so far.
        adds: whether the files add to a stored dataset, whose own files are among them.
    """
    on_stage("reading")
    read = stage(
        open_extended(folder, reading) if adds else open_source(folder, reading),
        staged,
        exclude_self=exclude_self,
        repairs=reading.repairs,
        on_progress=on_progress,
    )
    on_stage("examining")
    report = examine(read, token_counters())
    manifest = None if read.defects else read.manifest
    return Checked(read, report, None if manifest is None else provenance_of(folder, reading, manifest))


def _fetch(upload: UploadFolder, limit: int) -> None:
    progress = ProgressWriter(upload)
    progress.stage("fetching")
    fetch(upload.read(SOURCE)["source"], upload.files)
    _recognise(upload, limit)


def _recognise(upload: UploadFolder, limit: int) -> None:
    progress = ProgressWriter(upload)
    progress.stage("unpacking")
    upload.unpacked.mkdir()
    link_files(upload.files, upload.unpacked)
    unpack(upload.unpacked, limit)
    adds = upload.adds_to is not None
    if adds:
        require_room_for_stored(upload.unpacked)
        link_files(upload.stored, upload.unpacked)
    progress.stage("recognising")
    written = (upload.read(WRITTEN) or {}).get("tables", ())
    opened = recognise_files(upload.unpacked, [Table(**table) for table in written], adds=adds)
    upload.write(RECOGNISED, {**opened.recognised.to_json(), "exclude_self": opened.exclude_self})


def _check(upload: UploadFolder, _limit: int) -> None:
    progress = ProgressWriter(upload)
    choice = upload.read(READING)
    checked = check(
        upload.unpacked,
        Reading.from_json(choice["reading"]),
        upload.staged,
        exclude_self=choice["exclude_self"],
        on_stage=progress.stage,
        on_progress=progress.count,
        adds=upload.adds_to is not None,
    )
    manifest, defects = checked.staged.manifest, checked.staged.defects
    upload.write(
        STAGED,
        {
            "manifest": manifest and manifest.to_json(),
            "defects": [defect.to_json() for defect in defects],
            "digests": upload.staged_digests,
            "provenance": checked.provenance and checked.provenance.to_json(),
        },
    )
    upload.write(REPORT, checked.report.to_json())


STEPS = {"fetch": _fetch, "recognise": _recognise, "check": _check}


def main(step: str, folder: str, limit: str) -> int:
    """Run one step for an upload.

    Args:
        step: a key of `STEPS`.
        folder: the absolute path of the upload's folder.
        limit: the most bytes of unpacked archives.

    Returns:
        The exit status: 0, or 1 after the reason was written into the upload's folder.
    """
    stop_without_supervisor()
    os.nice(NICENESS)
    os.chdir(folder)  # hub libraries would use a folder `organisation/name` if the working directory had one
    upload = UploadFolder(Path(folder))
    try:
        STEPS[step](upload, int(limit))
    except EvaluatorError as error:
        upload.fail(str(error))
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        upload.forget("unpacked", "staged")  # makes room for writing the reason
        free = shutil.disk_usage(folder).free
        upload.fail(f"the server's disk is full: {free / 1e6:.1f} MB are free for uploads; make room there")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
