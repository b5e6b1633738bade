"""The outbox: sends what waits in it, and tries again what did not arrive (ADR 0040)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

from evaluator.domain.access import Way as Recognised
from evaluator.domain.teamwork.records import INSTANCE, Delivery
from evaluator.people.accounts import by_id, person_of
from evaluator.store.teamwork import notifications as store
from evaluator.teamwork import mail, webhook
from evaluator.teamwork.preferences import may_know
from evaluator.teamwork.webhook import NotDeliveredError
from evaluator.workspace.workspace import Workspace

logger = logging.getLogger(__name__)

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600))
"""Before the 2nd, 3rd, ... attempt."""
AT_ONCE = 100
"""Deliveries that are looked at in one round."""
TOGETHER = 8
"""Deliveries that are made at the same time: a receiver that does not answer keeps few others waiting."""
KEPT = timedelta(days=90)
"""How long notifications and deliveries are kept."""

Way = Callable[[], None]
"""Sends a delivery; raises `NotDeliveredError`."""


def deliver(workspace: Workspace, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Send what is due; returns how much arrived.

    An attempt is noted before it is made. A server that is killed meanwhile tries again after a pause with the same id,
    by which the receiver knows what it has already.
    """
    arrived = 0
    with ThreadPoolExecutor(TOGETHER, thread_name_prefix="outbox") as pool:
        due = store.due(workspace.database, AT_ONCE)
        for start in range(0, len(due), TOGETHER):
            if is_stopping():
                break
            together = due[start : start + TOGETHER]
            for delivery in together:
                store.attempt(workspace.database, delivery.id, _pause(delivery))
            ways = [_way(workspace, delivery) for delivery in together]
            for delivery, error in zip(together, pool.map(_error_of, ways), strict=True):
                _note(workspace, delivery, error)
                arrived += error is None
    return arrived


def clear_old(workspace: Workspace) -> None:
    """Remove what is older than `KEPT`."""
    store.forget_before(workspace.database, datetime.now(UTC).replace(tzinfo=None) - KEPT)


def _pause(delivery: Delivery) -> timedelta | None:
    return PAUSES[delivery.attempts] if delivery.attempts < len(PAUSES) else None


def _note(workspace: Workspace, delivery: Delivery, error: str | None) -> None:
    if error is None:
        store.sent(workspace.database, delivery.id)
        return
    store.not_sent(workspace.database, delivery.id, error, is_last=_pause(delivery) is None)
    logger.warning("a notification by %s was not delivered: %s", delivery.channel, error)


def _error_of(send: Way) -> str | None:
    """Why a notification did not arrive; None if it did."""
    try:
        send()
    except NotDeliveredError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  its text may tell a secret, and others must not wait
        logger.warning("a notification could not be sent, because of a defect: %s", type(error).__name__)
        return "it could not be sent"
    return None


def _way(workspace: Workspace, delivery: Delivery) -> Way:
    """What sends a delivery, without the database: it runs in another thread."""
    settings, link = workspace.settings, link_of(workspace, delivery.experiment)
    if delivery.account == INSTANCE:
        if settings.webhook_url is None:
            return _refuse("EVALUATOR_WEBHOOK_URL is not set any more")
        url, key = settings.webhook_url.get_secret_value(), settings.webhook_key
        signed_by = None if key is None else key.get_secret_value()
        return lambda: webhook.post(delivery, url, signed_by, settings.webhook_hosts, link)
    account = by_id(workspace, delivery.account)
    if account is None:
        return _refuse("the account is closed")
    if not may_know(person_of(account, Recognised.SYSTEM), delivery):
        return _refuse("the account does not see the project any more")
    if delivery.channel == "mail":
        wanted = store.preferences(workspace.database, delivery.account)
        to = wanted[0].mail_to if wanted else None
        return (
            _refuse("there is no mail address any more")
            if to is None
            else partial(mail.send, settings, delivery, to, link)
        )
    given = store.webhook(workspace.database, delivery.account)
    if given is None:
        return _refuse("there is no webhook any more")
    return lambda: webhook.post(delivery, given.url, given.key, settings.webhook_hosts, link)


def _refuse(why: str) -> Way:
    def refuse() -> None:
        raise NotDeliveredError(why)

    return refuse


def link_of(workspace: Workspace, experiment: str) -> str | None:
    """The address of an experiment's page; None if the server does not know its own."""
    base = workspace.settings.public_url
    if base is None:
        return None
    return f"{base.rstrip('/')}/experiments?experiment={quote(experiment)}" if experiment else base
