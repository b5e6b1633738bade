"""What a project may use: storage, experiments at once, and money; said before it fails, and refused without loss."""

from __future__ import annotations

from datetime import datetime

import pytest

from evaluator.domain.experiment import Experiment
from evaluator.domain.records import Quotas
from evaluator.domain.result import Spending
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.errors import ForbiddenError, QuotaReachedError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.library import catalog, quotas
from evaluator.people import projects
from evaluator.store import results
from evaluator.store.people.projects import spent_this_month
from evaluator.workspace.acting import acting_as, in_project
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.people.conftest import _quick_hashes, shared
from tests.unit.people.test_accounts import joined

__all__ = ["_quick_hashes", "shared"]


@pytest.fixture
def web(shared: Workspace, write_dataset: WriteDataset) -> Workspace:
    """An instance with the dataset tiny in its second project."""
    projects.add(shared, "web")
    with in_project("web"):
        catalog.import_folder(shared, write_dataset("tiny"))
    return shared


def begun(workspace: Workspace, name: str) -> str:
    variants = (Variant("bm25", Retrieve(bm25=BM25.written())),)
    with in_project("web"):
        return lifecycle.begin(workspace, Experiment(name, "tiny", variants)).id


def test_a_dataset_for_which_there_is_no_room_is_refused_and_leaves_nothing(
    web: Workspace, write_dataset: WriteDataset
) -> None:
    used, files = quotas.usage(web, "web").storage, web.store.all_sizes()
    assert used == sum(files.values())
    quotas.set_limits(web, "web", Quotas(storage=used + 10))
    folder = write_dataset("other")
    (folder / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "", "text": "another text"}\n', encoding="utf-8"
    )
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n", encoding="utf-8")
    with in_project("web"):
        with pytest.raises(
            QuotaReachedError, match=r"'web' may store .* of datasets, has .*; delete a dataset"
        ):
            catalog.import_folder(web, folder)
        assert [row.name for row in catalog.all_datasets(web)] == ["tiny"]
        assert web.store.all_sizes() == files
        assert catalog.import_folder(web, folder.with_name("tiny")).name == "tiny"  # it takes no more
    assert catalog.import_folder(web, folder).name == "other"  # the main project has no limit


def test_no_more_experiments_run_at_once_than_may(web: Workspace) -> None:
    quotas.set_limits(web, "web", Quotas(running=1))
    one = begun(web, "one")
    with pytest.raises(
        QuotaReachedError, match="may run 1 experiments at once, and runs 1; wait for one to end"
    ):
        begun(web, "two")
    assert begun(web, "one") == one  # it runs already
    lifecycle.cancel(web, lifecycle.find(web, one))
    begun(web, "two")


def test_what_stalled_does_not_count_against_itself(web: Workspace) -> None:
    quotas.set_limits(web, "web", Quotas(running=1))
    one = begun(web, "one")
    planning = web.plannings.of(one)
    assert planning is None or planning.wait(60) is not None
    web.connection.flushdb()  # its jobs are gone
    assert lifecycle.begin_again(web, lifecycle.find(web, one)).already_running is False


def test_money_that_deleted_experiments_spent_is_spent(web: Workspace) -> None:
    id_ = begun(web, "one")
    lifecycle.cancel(web, lifecycle.find(web, id_))
    results.record(web.database, [Spending(id_, "request", "api", 10, 0, 2_000_000)])
    assert spent_this_month(web.database, "web") == 2_000_000
    lifecycle.delete(web, lifecycle.find(web, id_))
    assert spent_this_month(web.database, "web") == 2_000_000
    assert spent_this_month(web.database, "main") == 0
    quotas.set_limits(web, "web", Quotas(monthly=2_000_000))
    with pytest.raises(QuotaReachedError, match=r"may spend 2\.00 USD in a month, and has spent 2\.00 USD"):
        begun(web, "two")


def test_an_earlier_months_money_does_not_count(web: Workspace) -> None:
    with web.database.transaction() as cursor:
        cursor.execute("INSERT INTO past_spending VALUES ('web', ?, 5000000)", [datetime(2020, 1, 1)])
    assert spent_this_month(web.database, "web") == 0


def test_what_is_near_its_end_is_said_before_it_fails(web: Workspace) -> None:
    used = quotas.usage(web, "web").storage
    assert quotas.warnings(web, "web") == []
    quotas.set_limits(web, "web", Quotas(storage=2 * used, running=5, monthly=1_000_000))
    assert quotas.warnings(web, "web") == []
    quotas.set_limits(web, "web", Quotas(storage=used + 1, running=1, monthly=0))
    assert [text.partition(" ")[0] for text in quotas.warnings(web, "web")] == ["Its", "It"]


def test_limits_are_for_those_who_manage_the_instance(web: Workspace) -> None:
    with in_project("web"):
        lead = joined(web, "lead")
    with acting_as(lead):
        assert quotas.record(web, "web")["running"] == {"used": 0, "limit": None}
        for name in ("web", "main"):
            with pytest.raises(ForbiddenError):
                quotas.change_limits(web, name, {"running": 100})
        with pytest.raises(ForbiddenError):
            quotas.record(web, "main")
    with pytest.raises(UnknownNameError, match="no project is called 'nowhere'"):
        quotas.change_limits(web, "nowhere", {"running": 1})
    quotas.change_limits(web, "web", {"running": 3, "usd_a_month": 1.5})
    quotas.change_limits(web, "web", {"running": None})
    assert quotas.limits(web, "web") == Quotas(monthly=1_500_000)
