"""URLs for messages, logs and pages, with passwords hidden."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "***"

SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential|signature|\bsig\b|\bauth", re.IGNORECASE)
"""Parts of the names of query parameters whose values are secret, such as `password` or `aws_secret_access_key`."""

WORD = re.compile(r"\S+")
BARE_TOKEN = re.compile(r"(\bhttps?://)(?!\*)[^\s:/?#@]+@", re.IGNORECASE)
"""Only for http: in other URLs the part before `@` is a name, such as a container's in `abfs://`."""
# A value ends only where another parameter begins, because a password may contain `&`.
PARAMETER = re.compile(r"([?&;])([^\s=&;?]*)=((?:(?!&[^\s=&]*=)\S)*)")


def shown_url(url: str) -> str:
    """A URL with its passwords hidden, even if it cannot be parsed; a folder is not changed.

    Args:
        url: the URL of a queue, an artifact store or an endpoint.
    """
    if url.startswith("/"):
        return url
    # Passwords with spaces are hidden only here, where the whole text is one URL.
    one_word = "".join("_" if character.isspace() else character for character in url)
    if "://" not in one_word:
        one_word = re.sub(r"^([^:@]*):.*@", rf"\1:{HIDDEN}@", one_word)
    return hide_passwords(one_word)


def hide_passwords(text: str) -> str:
    """The text with the passwords of URLs hidden, such as `redis://user:***@queue:6379/0`."""
    text = WORD.sub(lambda match: _without_user_password(match[0]), text)
    return PARAMETER.sub(_parameter, BARE_TOKEN.sub(rf"\1{HIDDEN}@", text))


def _without_user_password(word: str) -> str:
    """Hides `user:password@`, in linear time even for hostile text in a log line.

    A password may contain characters that normally end this part of a URL (`/`, `?`, `#`, `@`), so everything up to the
    last `@` is hidden: hiding too much is better than showing half a password.
    """
    start, end = word.find("://"), word.rfind("@")
    colon = word.find(":", start + 3, end) if 0 <= start < end else -1
    return word if colon < 0 else f"{word[:colon]}:{HIDDEN}{word[end:]}"


def _parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={HIDDEN if SECRET_NAME.search(unquote(name)) else value}"
