"""Databases of every earlier version, with rows in every table, are brought to this one; nothing in them is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
from evaluator.domain.dataset import Provenance
from evaluator.experiments import lifecycle
from evaluator.experiments.overview import failures_record
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.store.costs import costs
from evaluator.store.file.migrating import migrate, migrations
from evaluator.store.instance import identity
from evaluator.store.ratings import ratings
from evaluator.workspace.workspace import Workspace
from tests.conftest import write_beir
from tests.unit.finished import finished

NEWEST = len(migrations())
TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT internal"

LISTS = {
    "bm25": {f"q{n}": [f"d{n}", f"d{(n + 1) % 10}"] for n in range(9)},
    "the other": {f"q{n}": ["d3", f"d{n}"] for n in range(9)},
}
"""Ranked lists by variant and query; the query `q9` failed."""

INSERTS: tuple[tuple[int, int, str], ...] = (
    (1, 1, "INSERT INTO datasets (name, fingerprint, manifest, source) VALUES ('tiny', $data, $manifest, 'a folder')"),
    (2, 7, "INSERT INTO datasets (name, description, tags) VALUES ('tiny', 'ten documents', ['small'])"),
    (2, 7, """INSERT INTO dataset_versions (name, version, fingerprint, manifest, source, change)
              VALUES ('tiny', 1, $data, $manifest, 'a folder', 'imported')"""),
    (8, NEWEST, "INSERT INTO datasets (name, description, tags) VALUES ('tiny', 'ten documents', ['small'])"),
    (8, NEWEST, """INSERT INTO dataset_versions (dataset, version, fingerprint, manifest, source, change)
                   VALUES (1, 1, $data, $manifest, 'a folder', 'imported')"""),
    (1, 7, """INSERT INTO experiments (id, name, dataset, spec, n_queries, status, finished_at)
              VALUES ($id, 'look', 'tiny', $spec, 10, 'finished', TIMESTAMP '2026-01-05 09:30:12')"""),
    (8, NEWEST, """INSERT INTO experiments (id, name, dataset, spec, n_queries, status, finished_at)
                   VALUES ($id, 'look', 1, $spec, 10, 'finished', TIMESTAMP '2026-01-05 09:30:12')"""),
    (1, NEWEST, "INSERT INTO variants SELECT * FROM variants_now"),
    (1, NEWEST, "INSERT INTO results SELECT * FROM results_now"),
    (3, NEWEST, """INSERT INTO spending (experiment, id, endpoint, tokens, output_tokens, micro_usd)
                   VALUES ($id, 'request', 'endpoint', 100, 5, 12)"""),
    (4, NEWEST, """INSERT INTO variant_costs (experiment, variant, cost, error)
                   VALUES ($id, 'bm25', NULL, 'it could not be measured')"""),
    (5, 7, "INSERT INTO ratings (dataset, rater, query_id, doc_id, grade) VALUES ('tiny', 'Ada', 'q1', 'd1', 2)"),
    (8, NEWEST, "INSERT INTO ratings (dataset, rater, query_id, doc_id, grade) VALUES (1, 'Ada', 'q1', 'd1', 2)"),
    (6, NEWEST, "INSERT INTO submissions (experiment) VALUES ($id)"),
    (7, NEWEST, "INSERT INTO revisions (experiment) VALUES ($id)"),
    (10, NEWEST, "INSERT INTO rescored VALUES ('another', 1, 'bm25', 'q1', MAP {'nDCG@10': 0.5})"),
    (10, NEWEST, "INSERT INTO rescorings VALUES ('another', 1, $data)"),
    (19, NEWEST, """INSERT INTO share_links (id, digest, experiment, part, choices, person, expires_at)
                    VALUES ('1', 'd', $id, 'report', '{}', 'ann', TIMESTAMP '2030-01-01')"""),
    (15, NEWEST, "INSERT INTO past_spending VALUES ('main', DATE '2026-01-01', 5)"),
    (11, NEWEST, "INSERT INTO steps VALUES (2, 2)"),
    (11, NEWEST, "INSERT INTO followed VALUES (2, 2, 'another')"),
    (12, NEWEST, "INSERT INTO provenance VALUES (1, 1, $provenance)"),
    (13, NEWEST, "INSERT INTO readings (tables, dataset, reading) VALUES ('[]', 'tiny', '{}')"),
    (14, NEWEST, "INSERT INTO accounts (id, name, is_admin) VALUES ('a', 'ann', TRUE)"),
    (14, NEWEST, "INSERT INTO grants VALUES ('a', 'main', 'editor')"),
    (14, NEWEST, """INSERT INTO invitations (digest, purpose, name, is_admin, created_by, expires_at)
                    VALUES ('1', 'join', 'bob', FALSE, 'ann', utc_now())"""),
    (14, NEWEST, """INSERT INTO sessions (digest, account, way, address, agent, expires_at)
                    VALUES ('2', 'a', 'PASSWORD', '', '', utc_now())"""),
    (14, NEWEST, "INSERT INTO tokens (id, digest, shown, name, account) VALUES ('t', '3', 'ev_', 'CI', 'a')"),
    (16, NEWEST, "INSERT INTO identities (issuer, subject, account) VALUES ('https://id.example.org', '1', 'a')"),
    (16, NEWEST, "INSERT INTO granted_by_groups VALUES ('a', 'https://id.example.org', 'main')"),
    (14, NEWEST, """INSERT INTO audit (person, way, address, action, subject)
                    VALUES ('ann', 'password', '', 'invited', 'bob')"""),
    (17, NEWEST, """INSERT INTO comments (project, experiment, person, account, text)
                    VALUES ('main', $id, 'ann', 'a', 'why so low?')"""),
    (17, NEWEST, """INSERT INTO decisions (project, experiment, variant, reason, person, account)
                    VALUES ('main', $id, 'bm25', 'the best', 'ann', 'a')"""),
    (18, NEWEST, "INSERT INTO preferences VALUES ('a', ['finished'], FALSE, NULL, 0.01, TRUE, NULL, TRUE)"),
    (18, NEWEST, "INSERT INTO webhooks VALUES ('a', 'https://hooks.example.org/x', 'whsec_')"),
    (18, NEWEST, """INSERT INTO notifications (id, account, project, experiment, event, title, text)
                    VALUES ('1', 'a', 'main', $id, 'finished', 'look', '')"""),
    (18, NEWEST, """INSERT INTO deliveries (id, account, channel, project, experiment, event, title, text)
                    VALUES ('2', 'a', 'mail', 'main', $id, 'finished', 'look', '')"""),
)  # fmt: skip
"""SQL that fills tables, and the first and the last migration after which they have this form.

A migration that changes a table ends its line here and begins another; one that makes a table begins one.
"""


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """An experiment as this version records it: its rows are put into the old databases."""
    folder = tmp_path_factory.mktemp("newest")
    with Workspace.open_local(Settings(home=folder / "home")) as workspace:
        catalog.import_folder(workspace, write_beir(folder / "tiny"))
        finished(workspace, "tiny", LISTS, failed=["q9"])
        yield workspace


def old_database(path: Path, number: int, workspace: Workspace) -> None:
    """A database as a version with so many migrations made it, with rows in each of its tables."""
    spec = lifecycle.find(workspace, "look").spec
    row = catalog.find(workspace, "tiny")
    provenance = Provenance((), 0, "0" * 64, {}, False, (), "2026-01-05T09:30:12+00:00", "0.1.0")
    values = {
        "id": spec.id,
        "spec": json.dumps(spec.to_json()),
        "data": row.manifest.fingerprint,
        "manifest": json.dumps(row.manifest.to_json()),
        "provenance": json.dumps(provenance.to_json()),
    }
    with duckdb.connect(str(path)) as connection:
        assert migrate(connection, number) == list(range(1, number + 1))
        for table in ("variants", "results"):
            rows = workspace.database.cursor.relation(f"FROM {table}").to_arrow_table()
            connection.register(f"{table}_now", rows)
        for first, last, sql in INSERTS:
            if first <= number <= last:
                given = {name: value for name, value in values.items() if f"${name}" in sql}
                connection.execute(sql, given)
        empty = [table for (table,) in connection.execute(TABLES).fetchall() if not _rows(connection, table)]
        assert empty == [], "the table needs a line in INSERTS"


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    return int(found)


def board_of(workspace: Workspace) -> dict[str, Any]:
    """The leaderboard, without moments and the decision, which are those of the old database."""
    record = leaderboard_record(leaderboard(workspace, lifecycle.find(workspace, "look")))
    apart = {"created_at": "", "started_at": "", "finished_at": "", "decision": None}
    return {**record, "experiment": {**record["experiment"], **apart}}


@pytest.mark.parametrize("number", range(1, NEWEST + 1))
def test_what_an_earlier_version_stored_is_read_by_this_one(
    number: int, newest: Workspace, tmp_path: Path
) -> None:
    now = lifecycle.find(newest, "look")
    settings = Settings(home=tmp_path / "old", artifacts=newest.settings.artifacts_url)
    settings.home_path.mkdir()
    old_database(settings.database_path, number, newest)
    with Workspace.open_local(settings) as upgraded:
        (dataset,) = catalog.all_datasets(upgraded)
        assert (dataset.name, dataset.version, dataset.source) == ("tiny", 1, "a folder")
        assert dataset.description == ("ten documents" if number > 1 else "")
        assert catalog.load(upgraded, dataset).doc_ids == [f"d{n}" for n in range(10)]
        assert [version.change for version in catalog.versions(upgraded, dataset.id)] == ["imported"]
        (row,) = lifecycle.all_experiments(upgraded)
        assert (row.id, row.spec, row.status, row.n_queries) == (now.id, now.spec, "finished", 10)
        assert board_of(upgraded) == board_of(newest)
        assert (row.decision is not None and row.decision.variant == "bm25") == (number >= 17)
        assert failures_record(upgraded, row) == failures_record(newest, now)
        assert [*costs(upgraded.database, row.id)] == (["bm25"] if number > 3 else [])
        assert len(ratings(upgraded.database, dataset.id)) == (number > 4)
        assert len(identity(upgraded.database)) == 36
        catalog.describe(upgraded, "tiny", "written by this version", [])
        assert catalog.find(upgraded, "tiny").description == "written by this version"
