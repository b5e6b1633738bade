"""What is read of a state of the database is read once, and never shown for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from unittest.mock import patch

from evaluator.store import experiments
from evaluator.store.file.database import Database, require_writable
from evaluator.store.status import change_status
from tests.unit.store.rows import save


def reader(database: Database) -> tuple[Callable[[], int], list[int]]:
    """Asks how many experiments there are; and what was really read."""
    reads: list[int] = []

    def read() -> int:
        (n,) = database.cursor.execute("SELECT count(*) FROM experiments").fetchone()
        reads.append(int(n))
        return reads[-1]

    return lambda: database.remember("n", read), reads


def test_it_is_read_once_until_something_is_written(database: Database) -> None:
    ask, reads = reader(database)
    assert (ask(), ask(), len(reads)) == (0, 0, 1)
    save(database)
    assert (ask(), ask(), reads) == (1, 1, [0, 1])
    require_writable(database)
    assert (ask(), reads) == (1, [0, 1])  # it changes nothing
    database.cursor.execute("DELETE FROM experiments")
    assert (ask(), reads) == (0, [0, 1, 0])


def test_lists_are_of_the_present_state(database: Database) -> None:
    id_ = save(database)
    assert [row.status for row in experiments.all_experiments(database)] == ["running"]
    change_status(database, id_, "cancel")
    assert [row.status for row in experiments.all_experiments(database)] == ["cancelled"]
    assert experiments.experiment(database, id_).status == "cancelled"
    experiments.all_experiments(database).clear()  # what is kept is not what callers get
    assert len(experiments.all_experiments(database)) == 1


def test_a_look_sees_its_own_state_and_leaves_nothing_of_it_behind(database: Database) -> None:
    ask, _ = reader(database)

    def look() -> list[int]:
        seen = [ask()]
        writer = threading.Thread(target=save, args=(database,))
        writer.start()
        writer.join()
        return [*seen, ask()]

    assert database.frozen(look) == [0, 0]
    assert ask() == 1
    assert database.frozen(ask) == 1


def test_within_a_transaction_it_is_read_again(database: Database) -> None:
    ask, _ = reader(database)
    save(database)
    assert ask() == 1
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM experiments")
        assert ask() == 0
    assert ask() == 0


def test_nothing_is_kept_that_was_read_while_something_was_written(database: Database) -> None:
    """Whoever reads without a transaction may read the next state."""
    asked: list[str] = []

    def read() -> int:
        if not asked:
            asked.append(save(database))
            return 0  # as if it had been read right before
        (n,) = database.cursor.execute("SELECT count(*) FROM experiments").fetchone()
        return int(n)

    assert database.remember("n", read) == 0
    assert database.remember("n", read) == 1


def test_a_look_at_what_was_read_before_takes_no_transaction(database: Database) -> None:
    ask, reads = reader(database)
    assert ask() == 0
    with patch.object(Database, "_read_only") as begun:
        assert database.frozen(lambda: database.frozen(ask)) == 0
    assert not begun.called
    assert len(reads) == 1


def test_a_look_that_meets_something_new_begins_again_and_mixes_no_states(database: Database) -> None:
    ask, _ = reader(database)
    looks: list[int] = []

    def look() -> tuple[int, int]:
        looks.append(ask())
        if len(looks) == 1:
            writer = threading.Thread(target=save, args=(database,))
            writer.start()
            writer.join()
        return looks[-1], len(experiments.all_experiments(database))

    assert ask() == 0
    assert database.frozen(look) == (1, 1)
    assert looks == [0, 1]
