"""Webhooks and mail as they arrive: signed, once, again after a failure, and without telling a secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from evaluator.domain.teamwork.records import Delivery
from evaluator.library import catalog
from evaluator.operations.keeper import Keeper
from evaluator.settings import Settings
from evaluator.store.people import accounts as account_rows
from evaluator.store.teamwork import notifications as store
from evaluator.teamwork import mail, preferences, webhook
from evaluator.teamwork.notices import notice
from evaluator.teamwork.outbox import PAUSES, clear_old, deliver
from evaluator.teamwork.preferences import Wanted
from evaluator.teamwork.webhook import NotDeliveredError
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.teamwork_instance import ended, somebody
from tests.webhook_receiver import mail_server, receiver

NAMED = ("127.0.0.1",)
Open = Callable[..., AbstractContextManager[Workspace]]


@pytest.fixture
def open_with(home: Path, write_dataset: WriteDataset) -> Iterator[Open]:
    """Opens a workspace with some settings, with the dataset `tiny`."""

    def opened(**settings: object) -> AbstractContextManager[Workspace]:
        with Workspace.open_local(Settings.read(home=home)) as first:
            if not catalog.all_datasets(first):
                catalog.import_folder(first, write_dataset())
        return Workspace.open_local(Settings.read(home=home, webhook_hosts=NAMED, **settings))

    yield opened


def be_due(workspace: Workspace) -> None:
    """Let the pause before the next attempt be over."""
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE deliveries SET next_at = TIMESTAMP '2026-01-05 00:00:00'")


def wants(workspace: Workspace, **wanted: object) -> str:
    """Somebody who wants to be told everything; returns the key of their webhook."""
    with acting_as(somebody(workspace, "ann")):
        events = ("finished", "failed", "regressed")
        return preferences.save(workspace, Wanted(events, everybodys=True, **wanted)).key or ""  # type: ignore[arg-type]


def of_ann(workspace: Workspace) -> list[Delivery]:
    return store.deliveries(workspace.database, "id-ann", 10)


def test_a_webhook_is_signed_and_slack_can_read_it(open_with: Open) -> None:
    with receiver() as there, open_with(public_url="https://evaluator.example.org/") as workspace:
        key = wants(workspace, webhook_url=there.url)
        row = ended(workspace, name="<b> & co")
        notice(workspace)
        assert deliver(workspace) == 1
        assert deliver(workspace) == 0
        (posted,) = there.posted
    assert posted.is_signed_by(key)
    assert abs(int(posted.headers["webhook-timestamp"]) - time.time()) < 300
    assert posted.headers["idempotency-key"] == posted.headers["webhook-id"] == posted.record["id"]
    link = f"https://evaluator.example.org/experiments?experiment={row.id}"
    assert posted.record["text"].splitlines() == [
        "&lt;b&gt; &amp; co is finished",
        "2 variants over 10 queries of tiny.",
        link,
    ]
    record = {name: posted.record[name] for name in ("event", "project", "experiment", "link")}
    assert record == {"event": "finished", "project": "main", "experiment": row.id, "link": link}


def test_what_fails_is_tried_again_after_a_pause_and_arrives_once(open_with: Open) -> None:
    with receiver([503, 302]) as there, open_with() as workspace:
        wants(workspace, webhook_url=there.url)
        ended(workspace)
        notice(workspace)
        said = []
        for attempt in (1, 2):
            assert deliver(workspace) == 0
            (waiting,) = of_ann(workspace)
            said.append(waiting.error)
            assert waiting.attempts == attempt
            assert deliver(workspace) == 0  # its pause is not over
            be_due(workspace)
        assert deliver(workspace) == 1
        be_due(workspace)
        assert deliver(workspace) == 0
        (sent,) = of_ann(workspace)
    assert said == [
        "the webhook answered 503",
        "the webhook answered 302; redirects are not followed",
    ]
    assert (sent.sent_at is not None, sent.error) == (True, None)
    assert len({posted.record["id"] for posted in there.posted}) == 1
    assert [posted.path for posted in there.posted] == ["/services/T0-a-secret"] * 3


def test_after_the_last_attempt_its_owner_is_told(open_with: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "evaluator")
    with receiver([500] * 10) as there, open_with() as workspace:
        key = wants(workspace, webhook_url=there.url)
        ended(workspace)
        notice(workspace)
        for _ in range(10):
            deliver(workspace)
            be_due(workspace)
        with acting_as(somebody(workspace, "bob")):
            assert preferences.troubles(workspace) == []
        (failed,) = of_ann(workspace)
        record = preferences.trouble_record(failed)
    assert len(there.posted) == 1 + len(PAUSES)
    assert (failed.failed_at is not None, record["next_at"]) == (True, None)
    assert record["error"] == "the webhook answered 500"
    assert "was not delivered" in caplog.text
    assert "a-secret" not in caplog.text
    assert key not in caplog.text


@pytest.mark.parametrize("port", ["nobody", "silent"])
def test_a_receiver_that_does_not_answer_is_said(
    port: str, open_with: Open, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    import socket

    monkeypatch.setattr(webhook, "PATIENCE", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    where = free_port if port == "nobody" else silent.getsockname()[1]
    with silent, open_with() as workspace:
        wants(workspace, webhook_url=f"http://127.0.0.1:{where}/a-secret")
        ended(workspace)
        notice(workspace)
        deliver(workspace)
        (waiting,) = of_ann(workspace)
    expected = {
        "nobody": "the webhook did not take it: it cannot be reached",
        "silent": "the webhook did not answer in time",
    }
    assert waiting.error == expected[port]


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_a_webhook_that_nobody_allows_any_more_is_not_reached(home: Path, open_with: Open) -> None:
    with receiver() as there:
        with open_with() as workspace:
            wants(workspace, webhook_url=there.url)
            ended(workspace)
            notice(workspace)
        with Workspace.open_local(Settings.read(home=home)) as workspace:
            deliver(workspace)
            (waiting,) = of_ann(workspace)
    assert there.posted == []
    assert waiting.error == "a webhook's address begins with https://"


def test_the_instance_has_a_webhook_of_its_own(open_with: Open) -> None:
    with receiver() as there:
        key = SecretStr("a key of the instance")
        with open_with(webhook_url=there.url, webhook_key=key) as workspace:
            ended(workspace, failed=("q1",))
            notice(workspace)
            assert deliver(workspace) == 1
    (posted,) = there.posted
    assert posted.record["event"] == "failed"
    expected = webhook.signature(
        posted.record["id"], posted.body, key.get_secret_value(), int(posted.headers["webhook-timestamp"])
    )
    assert posted.headers["webhook-signature"] == expected["webhook-signature"]


def test_the_signature_is_that_of_the_standard() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks
    headers = webhook.signature(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        1614265330,
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_nothing_is_sent_for_an_account_that_is_closed(open_with: Open) -> None:
    with receiver() as there, open_with() as workspace:
        wants(workspace, webhook_url=there.url)
        ended(workspace)
        notice(workspace)
        account_rows.change(workspace.database, "id-ann", is_disabled=True)
        assert deliver(workspace) == 0
        (waiting,) = of_ann(workspace)
    assert (there.posted, waiting.error) == ([], "the account is closed")


def test_a_defect_keeps_nobody_waiting_and_tells_nothing(
    open_with: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("https://hooks.example.org/a-secret")

    monkeypatch.setattr(webhook, "post", broken)
    with open_with() as workspace:
        wants(workspace, webhook_url="http://127.0.0.1/a-secret")
        ended(workspace)
        notice(workspace)
        assert deliver(workspace) == 0
        (waiting,) = of_ann(workspace)
    assert waiting.error == "it could not be sent"
    assert "RuntimeError" in caplog.text
    assert "a-secret" not in caplog.text


def test_mail_is_sent_with_the_same_id_each_time(open_with: Open) -> None:
    with mail_server() as there:
        given = {
            "smtp_host": "127.0.0.1",
            "smtp_port": there.port,
            "smtp_security": "none",
            "smtp_user": "evaluator",
            "smtp_password": "mail-secret",
            "smtp_from": "Evaluator <evaluator@example.org>",
        }
        with open_with(**given) as workspace:
            wants(workspace, mail_to="ann@example.org")
            ended(workspace, name="Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich")
            notice(workspace)
            assert deliver(workspace) == 1
            (sent,) = of_ann(workspace)
    (message,) = there.messages
    assert there.signed_in == ["\0evaluator\0mail-secret"]
    assert (message["to"], message["from"]) == ("ann@example.org", given["smtp_from"])
    assert message["subject"] == "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich is finished"
    assert message["message-id"] == f"<{sent.id}@example.org>"
    assert "2 variants over 10 queries of tiny." in message.get_content()


DELIVERY = Delivery(
    "1", "a", "mail", "main", "", "finished", "look is finished", "", datetime(2026, 1, 5), 0, datetime(2026, 1, 5),
    None, None, None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("refuses", "message"),
    [
        ("RCPT", r"refused the recipient \(550\)"),
        ("MAIL", r"refused it \(550\)"),
        ("AUTH", r"refused the sign-in \(550\)"),
        ("DATA", r"refused it \(550\)"),
    ],
)
def test_what_a_mail_server_says_is_not_passed_on(refuses: str, message: str) -> None:
    with mail_server(refuses) as there:
        settings = Settings.read(
            smtp_host="127.0.0.1",
            smtp_port=there.port,
            smtp_security="none",
            smtp_user="evaluator",
            smtp_password="mail-secret",
            smtp_from="evaluator@example.org",
        )
        with pytest.raises(NotDeliveredError, match=message) as caught:
            mail.send(settings, DELIVERY, "ann@example.org", None)
    assert "secret" not in str(caught.value)


def test_mail_without_tls_is_refused_unless_it_is_wanted() -> None:
    with mail_server() as there:
        settings = Settings.read(
            smtp_host="127.0.0.1", smtp_port=there.port, smtp_from="evaluator@example.org"
        )
        with pytest.raises(NotDeliveredError, match="lacks what is needed"):
            mail.send(settings, DELIVERY, "ann@example.org", None)
    assert there.messages == []


def test_the_servers_keeper_sends_them(queued: Workspace) -> None:
    queued.settings = queued.settings.model_copy(update={"webhook_hosts": NAMED})
    with receiver() as there:
        wants(queued, webhook_url=there.url)
        ended(queued)
        until = time.monotonic() + 30
        with Keeper(queued, 0.01, notifies=True):
            while not of_ann(queued) or of_ann(queued)[0].sent_at is None:
                assert time.monotonic() < until
        with Keeper(queued, 0.01):  # of a command, which sends nothing
            ended(queued, name="other")
        assert [posted.record["title"] for posted in there.posted] == ["look is finished"]


def test_what_is_old_is_cleared(open_with: Open) -> None:
    with open_with() as workspace:
        wants(workspace, mail_to="ann@example.org")
        ended(workspace)
        notice(workspace)
        clear_old(workspace)
        assert len(of_ann(workspace)) == 1
        with workspace.database.transaction() as cursor:
            cursor.execute("UPDATE deliveries SET created_at = created_at - INTERVAL 91 DAY")
        clear_old(workspace)
        assert of_ann(workspace) == []


def test_pauses_grow() -> None:
    assert sorted(PAUSES) == list(PAUSES)
    assert PAUSES[-1] <= timedelta(days=1)
