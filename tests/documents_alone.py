"""A dataset of documents without queries."""

from __future__ import annotations

from pathlib import Path

from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.staging.importing import import_dataset
from evaluator.domain.records import DatasetRow
from evaluator.library.registration import register
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS

NOTES = "id,text\n" + "".join(f"d{n},{text}\n" for n, text in enumerate(TOPICS))
"""Ten documents as CSV."""
GOLDEN = "question,expected\nwhat lifts a wing,d0\nwhat heats a body,d9\n"
"""Two queries with a relevant document each, as CSV."""


def store_alone(workspace: Workspace, folder: Path, name: str = "alone") -> DatasetRow:
    """Store ten documents under a name, as a person does who answers that there are no queries yet.

    Args:
        folder: where their file is written.
    """
    folder.mkdir()
    (folder / "notes.csv").write_text(NOTES)
    manifest = import_dataset(folder, workspace.store, reading=recognise(folder).reading)
    return register(workspace, name, manifest.fingerprint, "notes.csv", "", ())
