"""Rows of comments, decisions and notifications. Moments are UTC without a zone."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Comment(NamedTuple):
    """A comment on an experiment, or on a variant or a query of it.

    Attributes:
        person, account: who wrote it: the name at that time, and the account; None without accounts.
        edited_at: when its text was last changed.
    """

    number: int
    project: str
    experiment: str
    variant: str | None
    query: str | None
    person: str
    account: str | None
    text: str
    written_at: datetime
    edited_at: datetime | None


class Decision(NamedTuple):
    """Which variant of an experiment ships; the newest one counts.

    Attributes:
        experiment: where it was decided: the same lists may have been scored by other judgments since.
        variant: None if none of them does.
    """

    number: int
    project: str
    experiment: str
    variant: str | None
    reason: str
    person: str
    account: str | None
    decided_at: datetime


class Preferences(NamedTuple):
    """What somebody wants to be told, and how.

    Attributes:
        events: of `EVENTS`.
        everybodys: whether also about experiments that others started.
        baseline: the variant against which a regression is looked for; None for the one that was decided on.
        max_loss: the largest loss allowed against it, in the measure's own unit.
        in_app: whether it is listed in the app.
        mail_to: an e-mail address; None for no mail.
        webhook: whether it goes to the account's webhook, too.
    """

    account: str
    events: tuple[str, ...] = ()
    everybodys: bool = False
    baseline: str | None = None
    max_loss: float = 0.01
    in_app: bool = True
    mail_to: str | None = None
    webhook: bool = False


class Webhook(NamedTuple):
    """Where notifications of an account are posted, and the key that signs them; both are secret."""

    account: str
    url: str
    key: str


class Notification(NamedTuple):
    """What somebody is told."""

    id: str
    account: str
    project: str
    experiment: str
    event: str
    title: str
    text: str
    created_at: datetime
    read_at: datetime | None


class Notice(NamedTuple):
    """A notification to be stored: to be listed in the app, or to be sent.

    Attributes:
        id: the same if the same entry of the audit log is looked at again.
        channel: `app`, `webhook` or `mail`.
    """

    id: str
    account: str
    channel: str
    project: str
    experiment: str
    event: str
    title: str
    text: str


class Delivery(NamedTuple):
    """A notification on its way to a webhook or a mailbox.

    Attributes:
        id: sent along, so that a receiver knows one again that comes twice.
        account: whose channel it is; empty for the instance's own webhook.
        channel: `webhook` or `mail`.
        error: why the last attempt failed; never with a secret.
    """

    id: str
    account: str
    channel: str
    project: str
    experiment: str
    event: str
    title: str
    text: str
    created_at: datetime
    attempts: int
    next_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    error: str | None


FINISHED, FAILED, REGRESSED, TEST = "finished", "failed", "regressed", "test"
EVENTS = (FINISHED, FAILED, REGRESSED)
"""An experiment ended; it was stopped, or some of it failed; a variant lost more than is allowed."""
INSTANCE = ""
"""Stands for an account where a channel is the instance's own."""
