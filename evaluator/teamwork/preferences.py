"""What somebody wants to be told, and what they were told."""

from __future__ import annotations

import base64
import dataclasses
import math
import secrets
from typing import Any, NamedTuple

from evaluator.domain.access import MAIN, Action, Person, Way
from evaluator.domain.printable import is_one_line
from evaluator.domain.teamwork.deeds import Deed
from evaluator.domain.teamwork.records import (
    EVENTS,
    TEST,
    Delivery,
    Notice,
    Notification,
    Preferences,
    Webhook,
)
from evaluator.errors import ConflictError, ForbiddenError, InvalidInputError
from evaluator.store.teamwork import notifications as store
from evaluator.teamwork.destination import checked_url, shown
from evaluator.teamwork.mail import checked_address
from evaluator.teamwork.webhook import SECRET
from evaluator.workspace.acting import acting, needs
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

MOST = 200
"""Notifications that are listed."""
LONGEST_NAME = 200
KEY_BYTES = 32


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What somebody wants from now on; see `Preferences`.

    Attributes:
        webhook_url: None leaves it as it is, an empty text takes it away.
    """

    events: tuple[str, ...] = ()
    everybodys: bool = False
    baseline: str | None = None
    max_loss: float = 0.01
    in_app: bool = True
    mail_to: str | None = None
    webhook_url: str | None = None


class Saved(NamedTuple):
    """What was saved.

    Attributes:
        key: the key of a new webhook, which is never shown again; None if there is none.
    """

    preferences: Preferences
    key: str | None


def preferences(workspace: Workspace) -> tuple[Preferences, str | None]:
    """What whoever is acting wants to be told, and their webhook's address, in part."""
    account = _account()
    found = store.preferences(workspace.database, account)
    given = store.webhook(workspace.database, account)
    wanted = found[0] if found else Preferences(account)
    # A backup has no webhooks: after a restore there is none.
    return wanted._replace(webhook=given is not None), given and shown(given.url)


@needs(Action.SEE)
def save(workspace: Workspace, wanted: Wanted) -> Saved:
    """Change what whoever is acting wants to be told.

    Raises:
        ForbiddenError: they are a program with a token that says where notifications go.
        InvalidInputError: a value is not valid, or they have no account.
    """
    account = _account()
    if unknown := sorted(set(wanted.events) - set(EVENTS)):
        raise InvalidInputError(f"{unknown[0]!r} is not one of {', '.join(EVENTS)}")
    if not 0 <= wanted.max_loss < math.inf:
        raise InvalidInputError(f"the largest loss allowed is {wanted.max_loss:g}; give a number from 0 on")
    baseline = (wanted.baseline or "").strip() or None
    if baseline is not None and (len(baseline) > LONGEST_NAME or not is_one_line(baseline)):
        raise InvalidInputError("the baseline is no name of a variant")
    mail_to = (wanted.mail_to or "").strip() or None
    before, _ = preferences(workspace)
    if acting().way is Way.TOKEN and (wanted.webhook_url or mail_to not in (None, before.mail_to)):
        raise ForbiddenError("a token may not say where notifications go: that would outlive it; sign in")
    webhook = _webhook(workspace, account, wanted.webhook_url)
    keeps = wanted.webhook_url is None and before.webhook
    saved = Preferences(
        account,
        tuple(event for event in EVENTS if event in wanted.events),
        wanted.everybodys,
        baseline,
        wanted.max_loss,
        wanted.in_app,
        None if mail_to is None else checked_address(mail_to),
        keeps or webhook is not None,
    )
    store.save_preferences(workspace.database, saved, webhook)
    ways = [
        ("in the app", saved.in_app),
        ("by mail", saved.mail_to is not None),
        ("by webhook", saved.webhook),
    ]
    what = ", ".join(saved.events) or "nothing"
    note(workspace, Deed.NOTIFICATIONS_SET, f"{what}: {', '.join(way for way, is_on in ways if is_on)}")
    return Saved(saved, webhook and webhook.key)


def send_test(workspace: Workspace) -> int:
    """Send a notification to the channels of whoever is acting, to see whether it arrives; returns to how many.

    Raises:
        ConflictError: one is still on its way, or there is no channel.
    """
    wanted, _ = preferences(workspace)
    channels = [channel for channel, on in (("webhook", wanted.webhook), ("mail", wanted.mail_to)) if on]
    if not channels:
        raise ConflictError("there is no webhook and no mail address to send to; save one first")
    waiting = store.deliveries(workspace.database, wanted.account, MOST)
    if any(each.event == TEST and each.sent_at is None and each.failed_at is None for each in waiting):
        raise ConflictError("a test is still on its way")
    said = ("", TEST, "This is a test", "Notifications arrive here.")
    notices = [Notice(secrets.token_hex(16), wanted.account, channel, MAIN, *said) for channel in channels]
    store.notify(workspace.database, notices)
    return len(notices)


def notifications(workspace: Workspace) -> list[Notification]:
    """What whoever is acting was told, the newest first."""
    person = acting()
    if person.account is None:
        return []
    return store.notifications(workspace.database, person.account, person.projects, MOST)


def unread(workspace: Workspace) -> int:
    """How many notifications whoever is acting has not read."""
    person = acting()
    return 0 if person.account is None else store.unread(workspace.database, person.account, person.projects)


def mark_read(workspace: Workspace, ids: tuple[str, ...] | None = None) -> None:
    """Note that whoever is acting has read some of their notifications, or all."""
    store.read(workspace.database, _account(), acting().projects, ids)


def troubles(workspace: Workspace) -> list[Delivery]:
    """What did not arrive at the channels of whoever is acting, the newest first."""
    person = acting()
    if person.account is None:
        return []
    sent = store.deliveries(workspace.database, person.account, MOST)
    return [each for each in sent if each.error is not None and may_know(person, each)]


def may_know(person: Person, delivery: Delivery) -> bool:
    """Whether somebody may be told something: what their role in its project lets them see, and a test of theirs."""
    return delivery.event == TEST or person.may(Action.SEE, delivery.project)


def notification_record(row: Notification) -> dict[str, Any]:
    """A notification as plain JSON types."""
    return {
        "id": row.id,
        "event": row.event,
        "experiment": row.experiment,
        "title": row.title,
        "text": row.text,
        "at": row.created_at.isoformat(),
        "read_at": row.read_at and row.read_at.isoformat(),
    }


def preferences_record(wanted: Preferences, webhook: str | None) -> dict[str, Any]:
    """What somebody wants to be told as plain JSON types; of the webhook only the host."""
    record = {**wanted._asdict(), "events": list(wanted.events), "webhook": webhook}
    del record["account"]
    return record


def trouble_record(row: Delivery) -> dict[str, Any]:
    """What did not arrive as plain JSON types."""
    return {
        "channel": row.channel,
        "title": row.title,
        "error": row.error,
        "attempts": row.attempts,
        "next_at": None if row.failed_at else row.next_at.isoformat(),
    }


def _account() -> str:
    account = acting().account
    if account is None:
        raise InvalidInputError(
            "notifications are for people with accounts; for the whole instance set EVALUATOR_WEBHOOK_URL"
        )
    return account


def _webhook(workspace: Workspace, account: str, url: str | None) -> Webhook | None:
    if not url or not url.strip():
        return None
    key = SECRET + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return Webhook(account, checked_url(url, workspace.settings.webhook_hosts), key)
