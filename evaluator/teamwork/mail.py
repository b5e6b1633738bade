"""Sending a notification by mail."""

from __future__ import annotations

import re
import smtplib
import ssl
from datetime import UTC
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from evaluator.domain.printable import on_terminal, printable
from evaluator.domain.teamwork.records import Delivery
from evaluator.errors import InvalidInputError
from evaluator.settings import Settings
from evaluator.teamwork.webhook import NotDeliveredError

PATIENCE = 10.0
"""Seconds for each answer of the server."""
ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+|[A-Za-z0-9._-]+@localhost"
)
SUBJECT = 150
"""Characters of a subject."""


def checked_address(address: str) -> str:
    """An e-mail address.

    Raises:
        InvalidInputError: it can be none.
    """
    address = address.strip()
    if len(address) > 254 or not ADDRESS.fullmatch(address):
        raise InvalidInputError(f"{printable(address, 60)!r} is no e-mail address")
    return address


def send(settings: Settings, delivery: Delivery, to: str, link: str | None) -> None:
    """Send a notification by mail.

    Raises:
        NotDeliveredError: the server did not take it. What it says is left out, but for its number.
    """
    if settings.smtp_host is None:
        raise NotDeliveredError("this server sends no mail: EVALUATOR_SMTP_HOST is not set")
    message = _message(settings, delivery, to, link)
    try:
        with _connected(settings, settings.smtp_host) as server:
            if settings.smtp_user is not None and settings.smtp_password is not None:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise NotDeliveredError(f"the mail server refused the sign-in ({error.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise NotDeliveredError(f"the mail server refused the recipient ({codes[0]})") from None
    except smtplib.SMTPResponseException as error:
        raise NotDeliveredError(f"the mail server refused it ({error.smtp_code})") from None
    except ssl.SSLError:
        raise NotDeliveredError("the mail server's certificate is not valid, or it has no TLS") from None
    except TimeoutError:
        raise NotDeliveredError("the mail server did not answer in time") from None
    except (smtplib.SMTPException, OSError, UnicodeError):
        raise NotDeliveredError("the mail server cannot be reached, or lacks what is needed") from None


def _connected(settings: Settings, host: str) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, settings.smtp_port, timeout=PATIENCE, context=context)
    server = smtplib.SMTP(host, settings.smtp_port, timeout=PATIENCE)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _message(settings: Settings, delivery: Delivery, to: str, link: str | None) -> EmailMessage:
    sender = settings.smtp_from or ""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    message = EmailMessage()
    message["Subject"] = printable(delivery.title, SUBJECT)
    message["From"] = sender
    message["To"] = to
    message["Date"] = format_datetime(delivery.created_at.replace(tzinfo=UTC))
    message["Message-ID"] = f"<{delivery.id}@{domain}>"  # the same with each attempt
    message["Auto-Submitted"] = "auto-generated"
    parts = [on_terminal(delivery.title), on_terminal(delivery.text), link or ""]
    message.set_content("\n\n".join(part for part in parts if part) + "\n")
    return message
