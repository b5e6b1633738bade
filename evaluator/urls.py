"""URLs as they may be shown: in messages, logs and pages, and never with a password."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "***"

SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential|signature|\bsig\b|\bauth", re.IGNORECASE)
"""In the name of a query parameter whose value is nobody's business, such as `password` or `aws_secret_access_key`."""

WORD = re.compile(r"\S+")
BARE_TOKEN = re.compile(r"(\bhttps?://)(?!\*)[^\s:/?#@]+@", re.IGNORECASE)
"""Of http alone: elsewhere what is before the `@` is a name, such as that of a container in `abfs://`."""
# A value ends only where another parameter begins: there may be an `&` in a password.
PARAMETER = re.compile(r"([?&;])([^\s=&;?]*)=((?:(?!&[^\s=&]*=)\S)*)")


def shown_url(url: str) -> str:
    """A URL fit to be shown, one that cannot be parsed as well; a folder stays as it is.

    Args:
        url: of a queue, of an artifact store, of an endpoint.
    """
    if url.startswith("/"):
        return url
    # Passwords with spaces in them are not looked for in running text, but here the whole is one URL.
    one_word = "".join("_" if character.isspace() else character for character in url)
    if "://" not in one_word:
        one_word = re.sub(r"^([^:@]*):.*@", rf"\1:{HIDDEN}@", one_word)
    return hide_passwords(one_word)


def hide_passwords(text: str) -> str:
    """The text with the passwords of URLs hidden, such as `redis://user:***@queue:6379/0`."""
    text = WORD.sub(lambda match: _without_user_password(match[0]), text)
    return PARAMETER.sub(_parameter, BARE_TOKEN.sub(rf"\1{HIDDEN}@", text))


def _without_user_password(word: str) -> str:
    """Hides `user:password@`. Takes time in proportion to the length, whatever a stranger has put into a log line.

    A password may hold what ends this part of a URL elsewhere (`/`, `?`, `#`, `@`), so everything up to the last `@` is
    taken for it: rather too much is hidden than half a password shown.
    """
    start, end = word.find("://"), word.rfind("@")
    colon = word.find(":", start + 3, end) if 0 <= start < end else -1
    return word if colon < 0 else f"{word[:colon]}:{HIDDEN}{word[end:]}"


def _parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={HIDDEN if SECRET_NAME.search(unquote(name)) else value}"
