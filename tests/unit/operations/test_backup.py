"""Backups: one moment of the database, all that its datasets need, and nothing taken from a file that is not whole."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
from evaluator.artifacts.local import write_text
from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.access import Way
from evaluator.domain.status import ACTIVE
from evaluator.errors import EvaluatorError, InstanceRunningError, InvalidInputError, TooManyError
from evaluator.experiments import lifecycle
from evaluator.jobs.processes.supervisor import Supervisor
from evaluator.library import catalog
from evaluator.operations.backup import tar, writing
from evaluator.operations.backup.manifest import CHECKSUMS, MANIFEST
from evaluator.operations.backup.restoring import manifest_of, restore
from evaluator.operations.backup.writing import prepare, save
from evaluator.operations.verification import verify
from evaluator.people.accounts import add_admin, person_of
from evaluator.people.sessions import begin
from evaluator.settings import Settings
from evaluator.store.file import migrating, tables
from evaluator.store.file.database import examine
from evaluator.store.instance import identity
from evaluator.teamwork import preferences
from evaluator.teamwork.preferences import Wanted
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.conftest import write_beir
from tests.unit.finished import finished, submitted

LISTS = {
    "bm25": {f"q{n}": [f"d{n}", f"d{(n + 1) % 10}"] for n in range(10)},
    "the other": {f"q{n}": ["d3", f"d{n}"] for n in range(9)},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with an experiment that has finished, and one that has not."""
    folder = tmp_path_factory.mktemp("source")
    with Workspace.open_local(Settings(home=folder / "home")) as workspace:
        catalog.import_folder(workspace, write_beir(folder / "tiny"))
        finished(workspace, "tiny", LISTS)
        submitted(workspace, "tiny", name="running")
        yield workspace


@pytest.fixture(scope="module")
def saved(source: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    return backed_up(source, tmp_path_factory.mktemp("saved") / "saved.tar")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """A home that is not there yet."""
    return Settings(home=tmp_path / "elsewhere")


def backed_up(workspace: Workspace, path: Path, *, vectors: bool = False) -> Path:
    backup = prepare(workspace, vectors=vectors)
    save(path, backup.chunks(), backup.size)
    assert path.stat().st_size == backup.size
    return path


def rows(workspace: Workspace) -> dict[str, list[Any]]:
    """All rows of all tables, in their order."""
    cursor = workspace.database.cursor
    names = [name for (name,) in cursor.execute(tables.TABLES).fetchall()]
    return {name: cursor.execute(f"SELECT rowid >= 0, * FROM {name}").fetchall() for name in names}


def test_a_restored_instance_is_the_one_that_was_saved(
    source: Workspace, saved: Path, elsewhere: Settings
) -> None:
    """The same rows in the same order, to the last bit: identity, scores, moments. What was running can be resumed."""
    restore(elsewhere, saved)
    with Workspace.open_local(elsewhere) as restored:
        assert rows(restored) == rows(source)
        assert identity(restored.database) == identity(source.database)
        boards = [leaderboard_record(leaderboard(w, lifecycle.find(w, "look"))) for w in (source, restored)]
        assert json.dumps(boards[0], default=str) == json.dumps(boards[1], default=str)
        assert lifecycle.find(restored, "running").status in ACTIVE
        assert catalog.load(restored, catalog.find(restored, "tiny")).doc_ids == [f"d{n}" for n in range(10)]
        report = verify(restored.store)
        assert (report.damaged, report.unknown) == ((), 0)
    whole, lacks = examine(elsewhere.database_path)
    assert (whole > 0, lacks) == (True, [])


def test_new_rows_get_numbers_that_no_row_had(source: Workspace, saved: Path, elsewhere: Settings) -> None:
    restore(elsewhere, saved)
    with Workspace.open_local(elsewhere) as restored:
        for sequence in ("dataset_ids", "revision_numbers", "attempts"):
            number = f"SELECT nextval('{sequence}')"
            expected = source.database.cursor.execute(number).fetchall()
            assert restored.database.cursor.execute(number).fetchall() == expected


def test_tables_and_artifacts_are_of_one_moment(
    workspace: Workspace, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer puts a row into the first and the last table, on and on; a backup has as many of each."""
    wrote, stop = threading.Event(), threading.Event()

    def write_on_and_on() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with workspace.database.transaction() as cursor:
                cursor.execute("INSERT INTO followed VALUES (1, ?, 'e')", [number])
                cursor.execute("INSERT INTO variants VALUES ('e', ?, 1, 'f', '{}', NULL)", [str(number)])
            wrote.set()

    copy_of_one = tables._write

    def copy_when_written(database: Any, table: str, path: Path) -> int:
        wrote.clear()
        assert wrote.wait(20)  # between any two tables a row is written, so recording goes on
        return copy_of_one(database, table, path)

    monkeypatch.setattr(tables, "_write", copy_when_written)
    writer = threading.Thread(target=write_on_and_on)
    writer.start()
    try:
        assert wrote.wait(20)
        manifest = manifest_of(backed_up(workspace, tmp_path / "saved.tar"))
    finally:
        stop.set()
        writer.join()
    found = manifest.database.tables
    assert 0 < found["followed"] == found["variants"] < len(rows(workspace)["variants"])
    restore(elsewhere, tmp_path / "saved.tar")


def test_rows_that_let_act_as_somebody_else_are_left_out(elsewhere: Settings, tmp_path: Path) -> None:
    with Workspace.open_local(Settings(home=tmp_path / "home")) as workspace:
        ann = add_admin(workspace, "ann", "correct horse battery")
        begin(workspace, ann, Way.PASSWORD, "a browser")
        path = backed_up(workspace, tmp_path / "saved.tar")
    assert "sessions" not in manifest_of(path).database.tables
    assert not [name for name in files_of(path) if "sessions" in name]
    restore(elsewhere, path)
    with Workspace.open_local(elsewhere) as restored:
        assert rows(restored)["sessions"] == []  # everybody signs in again
        assert len(rows(restored)["accounts"]) == 1


def test_addresses_of_webhooks_are_left_out(elsewhere: Settings, tmp_path: Path) -> None:
    with Workspace.open_local(Settings(home=tmp_path / "home")) as workspace:
        ann = person_of(add_admin(workspace, "ann", "correct horse battery"), Way.PASSWORD)
        with acting_as(ann):
            preferences.save(
                workspace, Wanted(("finished",), webhook_url="https://hooks.example.org/a-secret")
            )
        path = backed_up(workspace, tmp_path / "saved.tar")
    restore(elsewhere, path)
    with Workspace.open_local(elsewhere) as restored:
        assert rows(restored)["webhooks"] == []
        with acting_as(ann):
            wanted, webhook = preferences.preferences(restored)
        assert (wanted.events, wanted.webhook, webhook) == (("finished",), False, None)


def test_vectors_are_part_of_it_only_if_they_are_asked_for(
    workspace: Workspace, elsewhere: Settings, tmp_path: Path
) -> None:
    workspace.store.put("vectors/abc/document/0.npy", lambda path: write_text(path, "vectors"))
    workspace.store.put("indexes/abc/0.npy", lambda path: write_text(path, "an index"))
    without = manifest_of(backed_up(workspace, tmp_path / "without.tar"))
    assert {name.partition("/")[0] for name in without.artifacts} == {
        "datasets",
        "corpora",
        "queries",
        "qrels",
    }
    restore(elsewhere, backed_up(workspace, tmp_path / "with.tar", vectors=True))
    store = ArtifactStore(elsewhere.artifacts_url)
    assert store.read_bytes("vectors/abc/document/0.npy") == b"vectors"
    assert store.all_sizes().keys() == {*without.artifacts, "vectors/abc/document/0.npy"}


def test_what_is_damaged_is_named_and_the_rest_is_saved(
    workspace: Workspace, elsewhere: Settings, tmp_path: Path
) -> None:
    (corpus,) = (Path(workspace.store.url) / "corpora").iterdir()
    corpus.write_bytes(b"damaged")
    path = backed_up(workspace, tmp_path / "saved.tar")
    assert manifest_of(path).missing == (f"corpora/{corpus.name}",)
    assert restore(elsewhere, path).missing == (f"corpora/{corpus.name}",)


def test_one_backup_copies_the_database_at_a_time(workspace: Workspace) -> None:
    with writing._copying, pytest.raises(TooManyError, match="another backup is being prepared"):
        prepare(workspace)
    assert len(b"".join(prepare(workspace).chunks())) > 0


def test_a_database_is_never_replaced(source: Workspace, saved: Path, elsewhere: Settings) -> None:
    before = rows(source)
    with pytest.raises(InvalidInputError, match=r"evaluator\.duckdb is there, and a backup never replaces"):
        restore(source.settings, saved)
    assert rows(source) == before
    elsewhere.home_path.mkdir()
    log = elsewhere.home_path / "evaluator.duckdb.wal"
    log.touch()
    with pytest.raises(InvalidInputError, match=r"evaluator\.duckdb\.wal is there"):
        restore(elsewhere, saved)
    assert [*elsewhere.home_path.iterdir()] == [log]


def test_a_database_that_is_made_meanwhile_stays(saved: Path, elsewhere: Settings) -> None:
    def make_one(stage: str) -> None:
        if stage == "storing":
            Workspace.open_local(elsewhere).close()

    with pytest.raises(InvalidInputError, match="a backup never replaces"):
        restore(elsewhere, saved, make_one)
    with Workspace.open_local(elsewhere) as workspace:
        assert catalog.all_datasets(workspace) == []


def test_nothing_is_restored_beside_an_instance(saved: Path, elsewhere: Settings) -> None:
    with Supervisor(elsewhere) as supervisor:
        supervisor.lock_home()
        with pytest.raises(InstanceRunningError, match="is in use by process"):
            restore(elsewhere, saved)


def test_a_backup_of_an_older_version_is_brought_to_this_one(
    saved: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = len(migrating.migrations())
    more = [*migrating.migrations(), (newest + 1, "CREATE TABLE later AS SELECT count(*) AS n FROM results")]
    monkeypatch.setattr(migrating, "migrations", lambda: more)
    restore(elsewhere, saved)
    with duckdb.connect(str(elsewhere.database_path)) as connection:
        assert connection.execute("FROM later").fetchall() == [(19,)]
        assert connection.execute("SELECT max(number) FROM migrations").fetchall() == [(newest + 1,)]


Files = dict[str, bytes]


def files_of(path: Path) -> Files:
    with tarfile.open(path) as archive:
        return {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]


def packed(files: Files, *, sums: bool = True) -> bytes:
    """A backup of these files, with the checksums that they have."""
    if sums:
        digests = {
            name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != CHECKSUMS
        }
        files = {**files, CHECKSUMS: "".join(f"{d}  {n}\n" for n, d in digests.items()).encode()}
    out = io.BytesIO()
    for name, data in files.items():
        out.write(tar.header(tar.Member(name, len(data)), 0))
        out.write(b"".join(tar.padded(tar.Member(name, len(data)), [data])))
    return out.getvalue() + bytes(tar.END)


def with_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Files], bytes]:
    """A backup whose manifest says something else; its checksums are right."""

    def changed(files: Files) -> bytes:
        record = json.loads(files[MANIFEST])
        change(record)
        return packed({**files, MANIFEST: json.dumps(record).encode()})

    return changed


def with_file(name: str, content: bytes, beginning: str = "") -> Callable[[Files], bytes]:
    """A backup in which a file, of those that so begin, has another name and content; its checksums are right."""

    def changed(files: Files) -> bytes:
        place = next(known for known in files if known.startswith(beginning or name))
        renamed = {name if known == place else known: data for known, data in files.items()}
        renamed[name] = content
        record = json.loads(files[MANIFEST])
        record["files"] = [
            [known, len(data)] for known, data in renamed.items() if known not in (MANIFEST, CHECKSUMS)
        ]
        return packed({**renamed, MANIFEST: json.dumps(record).encode()})

    return changed


def with_header(change: Callable[[tarfile.TarInfo], object]) -> Callable[[Files], bytes]:
    """A backup in which the header of the first artifact says something else."""

    def changed(files: Files) -> bytes:
        whole = packed(files)
        name = next(known for known in files if known.startswith("artifacts/"))
        plain = tar.header(tar.Member(name, len(files[name])), 0)
        info = tarfile.TarInfo.frombuf(plain, "utf-8", "strict")
        change(info)
        return whole.replace(plain, info.tobuf(tarfile.GNU_FORMAT)[:512])

    return changed


def flipped(files: Files) -> bytes:
    whole = bytearray(packed(files))
    place = whole.find(files["tables/results.parquet"]) + 9
    whole[place] ^= 1
    return bytes(whole)


def other_table(files: Files) -> bytes:
    return with_file("tables/results.parquet", files["tables/variants.parquet"])(files)


def zipped(files: Files) -> bytes:
    import gzip

    return gzip.compress(packed(files))


BEFORE = "was written by a newer version of this software"
NOT_OURS = "is no backup of this software"
HOSTILE: dict[str, tuple[Callable[[Files], bytes], str]] = {
    "nothing": (lambda _files: b"", NOT_OURS),
    "something else": (lambda _files: b"PK\x03\x04" * 5000, NOT_OURS),
    "another tar file": (lambda files: packed({"readme": b"x", **files}), NOT_OURS),
    "compressed, so that it may grow": (zipped, NOT_OURS),
    "cut at its end": (lambda files: packed(files)[:-700], "it has [0-9,]+ bytes, and was written with"),
    "cut in its middle": (lambda files: packed(files)[:20_000], "it has 20,000 bytes"),
    "cut in its manifest": (lambda files: packed(files)[:600], NOT_OURS),
    "more at its end": (lambda files: packed(files) + b"more", "bytes, and was written with"),
    "something at its end": (lambda files: packed(files)[:-1] + b"x", "it does not end as it should"),
    "one bit": (flipped, "tables/results.parquet is not what was written"),
    "no checksums": (lambda files: packed({**files, CHECKSUMS: b""}, sums=False), "bytes, and was written with"),
    "other checksums": (
        lambda files: packed({**files, CHECKSUMS: bytes(len(files[CHECKSUMS]))}, sums=False),
        "backup.json is not what was written",
    ),
    "a newer form": (with_manifest(lambda record: record.update(format=2, version="7.1.0")), rf"{BEFORE} \(7.1.0\)"),
    "a newer database": (
        with_manifest(lambda r: r["database"]["migrations"].append(len(r["database"]["migrations"]) + 1)), BEFORE,
    ),
    "a gap in the migrations": (with_manifest(lambda r: r["database"]["migrations"].pop(2)), "has gaps"),
    "other migrations": (with_manifest(lambda r: r["database"]["migrations"].pop()), "tables are missing or unknown"),
    "no migrations": (with_manifest(lambda r: r["database"].update(migrations=[])), "it lists no migration"),
    "no manifest": (lambda files: packed({**files, MANIFEST: b"[1]"}), "its manifest has no format"),
    "a manifest without an end": (lambda files: packed({**files, MANIFEST: b"[" * 9000}), "is damaged"),
    "a manifest of other fields": (with_manifest(lambda r: r.update(size=1)), "size: Unexpected"),
    "a file that is listed twice": (with_manifest(lambda r: r["files"].append(r["files"][0])), "lists a file twice"),
    "a file of a negative size": (with_manifest(lambda r: r["files"][0].__setitem__(1, -512)), "no backup holds"),
    "a table that is not in it": (with_manifest(lambda r: r["database"]["tables"].update(x=1)), "other tables"),
    "other numbers of rows": (
        with_manifest(lambda r: r["database"]["tables"].update(results=20)), "has not the 20 rows",
    ),
    "a sequence without an end": (
        with_manifest(lambda r: r["database"]["sequences"].update(attempts=10**15)), "no sequence attempts",
    ),
    "an unknown sequence": (with_manifest(lambda r: r["database"]["sequences"].update(x=1)), "no sequence x"),
    "no identity": (with_manifest(lambda r: r["database"]["tables"].update(instance=0)), "has not the 0 rows"),
    "a path above": (with_file("artifacts/../../x", b"x", "artifacts/qrels"), "no backup holds a file"),
    "an absolute path": (with_file("/tmp/x", b"x", "artifacts/qrels"), "no backup holds a file"),
    "a path that is hidden": (with_file("artifacts/qrels/.x", b"x", "artifacts/qrels"), "no backup holds a file"),
    "code": (with_file("artifacts/models/x.py", b"x", "artifacts/qrels"), "no backup holds a file"),
    "a link": (with_header(lambda info: setattr(info, "type", tarfile.SYMTYPE)), "is no plain file"),
    "a hard link": (with_header(lambda info: setattr(info, "type", tarfile.LNKTYPE)), "is no plain file"),
    "a device": (with_header(lambda info: setattr(info, "type", tarfile.CHRTYPE)), "is no plain file"),
    "a sparse file": (with_header(lambda info: setattr(info, "type", tarfile.GNUTYPE_SPARSE)), "is no plain file"),
    "a name without an end": (
        with_header(lambda info: setattr(info, "type", tarfile.GNUTYPE_LONGNAME)), "is no plain file",
    ),
    "a header of another name": (
        with_header(lambda info: setattr(info, "name", "../../x")), "it holds ../../x where artifacts/",
    ),
    "a header of another size": (with_header(lambda info: setattr(info, "size", 10**15)), "where artifacts/"),
    "no table": (with_file("tables/results.parquet", b"PAR1" * 10), "cannot be|is damaged"),
    "another table": (other_table, "columns of the table results are missing or unknown"),
}  # fmt: skip


def test_a_backup_that_is_not_whole_is_refused_in_one_sentence_and_leaves_nothing(
    saved: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    files = files_of(saved)
    assert packed(files) == packed(
        files, sums=False
    )  # what is changed below is what `evaluator backup` writes
    path = tmp_path / "hostile.tar"
    before = {*tmp_path.iterdir(), path}
    for kind, (change, sentence) in HOSTILE.items():
        path.write_bytes(change(files))
        with pytest.raises(InvalidInputError, match=sentence) as refused:
            restore(elsewhere, path)
        assert str(refused.value).startswith(str(path)), kind
        assert "\n" not in str(refused.value), kind
        assert str(refused.value).endswith("nothing was changed"), kind
        assert {*tmp_path.iterdir()} == before, kind


def test_a_home_that_is_there_is_as_it_was_after_a_refusal(
    saved: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    (tmp_path / "hostile.tar").write_bytes(flipped(files_of(saved)))
    note = elsewhere.home_path / "note"
    note.parent.mkdir()
    note.touch()
    with pytest.raises(InvalidInputError):
        restore(elsewhere, tmp_path / "hostile.tar")
    assert {path for path in elsewhere.home_path.rglob("*") if path.is_file()} - {
        elsewhere.home_path / "instance.lock"
    } == {note}
    restore(elsewhere, saved)


def test_what_is_no_file_is_refused(elsewhere: Settings, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.tar", tmp_path):
        with pytest.raises(InvalidInputError, match="is no file; name a file that"):
            restore(elsewhere, path)


def test_a_backup_whose_source_fails_in_the_middle_leaves_no_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    backup = prepare(workspace)
    catalog.remove(workspace, "tiny")  # by somebody else, just now

    def written() -> Iterator[bytes]:
        yield from backup.chunks()

    with pytest.raises(EvaluatorError, match="is missing"):
        save(tmp_path / "saved.tar", written(), backup.size)
    assert not [path for path in tmp_path.iterdir() if "saved" in path.name]
