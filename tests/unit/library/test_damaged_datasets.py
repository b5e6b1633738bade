"""What an instance does about damage: it encodes again what is lost, and says which dataset must be imported again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evaluator.analysis.costs import to_measure
from evaluator.errors import DatasetDamagedError
from evaluator.experiments import lifecycle
from evaluator.inspection.ask import ask
from evaluator.jobs.results.stream import ResultStream
from evaluator.library import catalog
from evaluator.operations.doctor import Check, examine
from evaluator.operations.keeper import Keeper
from evaluator.operations.upkeep import FRUITLESS_ATTEMPTS
from evaluator.remote.instance import open_instance
from evaluator.store import experiments
from evaluator.store.costs import costs
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.working import vectors_of, wait_for, wait_for_status, words, work

Lists = list[tuple[Any, ...]]


def flip(workspace: Workspace, *folders: str) -> list[str]:
    """Flip a bit of every artifact in some folders; their names."""
    names = [name for folder in folders for name in sorted(workspace.store.sizes(folder))]
    for name in names:
        path = Path(workspace.store.url) / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    return names


def finish(workspace: Workspace, id_: str, keeper: Keeper | None = None) -> Lists:
    """Do an experiment's jobs, and as often as the keeper plans it again; its lists."""
    for _ in range(FRUITLESS_ATTEMPTS):
        work(workspace)
        wait_for(lambda: not len(ResultStream(workspace.connection)))
        if experiments.experiment(workspace.database, id_).status == "finished":
            break
        assert keeper is not None
        keeper.look()
        wait_for_status(workspace, id_, "running")
    rows = "SELECT query_id, doc_ids, scores, error FROM results WHERE experiment = ? ORDER BY query_id"
    return workspace.database.cursor.execute(rows, [id_]).fetchall()


@pytest.fixture
def keeper(queued: Workspace) -> Keeper:
    """A keeper that looks when it is told to."""
    return Keeper(queued, measures=True)


def test_vectors_that_are_lost_are_encoded_again(
    queued: Workspace, keeper: Keeper, static_model: Path
) -> None:
    undamaged = finish(queued, lifecycle.submit(queued, vectors_of(static_model), allow_paths=True).id)
    assert flip(queued, "indexes", "vectors")
    other = lifecycle.submit(queued, vectors_of(static_model, "other"), allow_paths=True).id
    assert finish(queued, other, keeper) == undamaged


def test_a_damaged_index_is_rebuilt_for_measurements_and_new_queries(
    queued: Workspace, keeper: Keeper
) -> None:
    id_ = lifecycle.submit(queued, words()).id
    finish(queued, id_)
    row = lifecycle.find(queued, id_)
    ask(queued, row, ["bm25"], "wing lift")
    work(queued)
    undamaged = ask(queued, row, ["bm25"], "wing lift").answers["bm25"].ranking
    assert undamaged
    assert undamaged.doc_ids[0] == "d0"

    assert flip(queued, "indexes", "experiments")
    ask(queued, row, ["bm25"], "lift of the wing")
    work(queued)
    assert ask(queued, row, ["bm25"], "lift of the wing").answers["bm25"].ranking == undamaged

    assert flip(queued, "indexes", "experiments")
    keeper.look()
    work(queued)
    wait_for(lambda: not to_measure(queued, row))
    assert costs(queued.database, id_)["bm25"] is not None


def test_a_damaged_dataset_is_named_before_anything_is_done(
    queued: Workspace, write_dataset: WriteDataset, tmp_path: Path
) -> None:
    undamaged = finish(queued, lifecycle.submit(queued, words()).id)
    for folder in ("corpora", "queries", "qrels"):
        (name,) = flip(queued, folder)
        with pytest.raises(
            DatasetDamagedError, match=rf"^the dataset 'tiny' is damaged: .* {name} in .* import the"
        ) as caught:
            lifecycle.submit(queued, words(folder))
        stopped = lifecycle.find(queued, folder)
        assert (stopped.status, stopped.reason) == ("cancelled", f"it could not be planned: {caught.value}")
        assert work(queued) == []
        catalog.import_folder(queued, tmp_path / "tiny")
        assert lifecycle.resume(queued, stopped).to_evaluate == 10
        assert finish(queued, stopped.id) == undamaged


def known_datasets(workspace: Workspace) -> list[dict[str, Any]]:
    """As `evaluator doctor` looks them up."""
    with open_instance(workspace.settings) as instance:
        return instance.datasets()


def artifacts_check(workspace: Workspace) -> Check:
    counted: list[int] = []
    checks = examine(workspace.settings, counted.append, partial(known_datasets, workspace))
    check = next(check for check in checks if check.name == "artifacts")
    assert counted == list(range(1, 5))
    return check


def test_the_doctor_reads_every_artifact_on_request(workspace: Workspace) -> None:
    """Whoever has the database, and without changing anything."""
    assert "artifacts" not in {check.name for check in examine(workspace.settings)}
    whole = artifacts_check(workspace)
    assert (whole.well, whole.detail) == (True, "4 are what was written")
    (name,) = flip(workspace, "corpora")
    workspace.close()
    for _ in range(2):
        damaged = artifacts_check(workspace)
        assert not damaged.well
        assert damaged.detail == f"1 are damaged, 3 are what was written. Damaged: {name}"
        assert damaged.advice == "look after the disk; import again: 'tiny'"


@pytest.mark.parametrize("replaced", ["nothing", "a folder", "a link to nowhere"])
def test_the_doctor_reports_missing_dataset_files_until_the_dataset_is_deleted(
    workspace: Workspace, replaced: str
) -> None:
    (name,) = workspace.store.sizes("corpora")
    path = Path(workspace.store.url) / name
    path.unlink()
    if replaced == "a folder":
        path.mkdir()
    if replaced == "a link to nowhere":
        path.symlink_to("nowhere")

    def check() -> Check:
        checks = examine(workspace.settings, lambda _n: None, partial(known_datasets, workspace))
        return next(check for check in checks if check.name == "artifacts")

    assert check().detail == f"1 are damaged, 3 are what was written. Damaged: {name}"
    assert check().advice == "look after the disk; import again: 'tiny'"
    if replaced == "a folder":
        path.rmdir()
    catalog.remove(workspace, "tiny")
    assert (check().well, check().detail) == (True, "0 are what was written")
