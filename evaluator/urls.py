"""Texts for messages, logs and pages, with what is secret hidden: passwords of URLs, and the secrets that are known.

A pattern finds a password where a URL shows that it is one. It cannot find a password that a library quotes alone, in
part or decoded. So whoever reads a secret says so (`keep_secret`), and it is hidden wherever it appears (ADR 0035).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, unquote_plus

HIDDEN = "***"

SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|credential|signature|\bsig\b|\bauth", re.IGNORECASE)
"""Parts of the names of query parameters whose values are secret, such as `password` or `aws_secret_access_key`."""

WORD = re.compile(r"\S+")
BARE_TOKEN = re.compile(r"(\bhttps?://)(?!\*)[^\s:/?#@]+@", re.IGNORECASE)
"""Only for http, and for Redis by `REDIS`: in other URLs the part before `@` is a name, such as a container's in
`abfs://`."""
REDIS = re.compile(r"rediss?(\+sentinel)?$", re.IGNORECASE)
LONGEST_SCHEME = len("rediss+sentinel")
# A value ends only where another parameter begins, because a password may contain `&`.
PARAMETER = re.compile(r"([?&;])([^\s=&;?]*)=((?:(?!&[^\s=&]*=)\S)*)")

VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
"""An environment variable's name. Capitals only: nearly every key has a small letter, and is refused."""

SHORT = 8
"""Characters below which a secret is hidden only as a whole word: `redis` would else cut `rediss` in two."""
SHORTEST = 3
"""Characters of a part of a secret that is hidden alone."""
BREAKS = re.compile(r"[/?#@:\[\]]")
"""Where a URL that is not quoted breaks: libraries show the parts that they take for a host or a port."""

_secrets: set[str] = set()
_known: re.Pattern[str] | None = None


def keep_secret(secret: str) -> None:
    """Hide a secret from now on in all texts of this process, as it is, decoded, quoted, or in parts."""
    global _known
    forms = {secret, unquote(secret), unquote_plus(secret)}
    forms |= {quote(form, safe="", errors="replace") for form in forms} | {repr(form)[1:-1] for form in forms}
    forms |= {
        part for form in (secret, unquote(secret)) for part in BREAKS.split(form) if len(part) >= SHORTEST
    }
    forms -= {"", HIDDEN}
    if forms <= _secrets:
        return
    _secrets.update(forms)
    longest_first = sorted(_secrets, key=lambda form: (-len(form), form))
    _known = re.compile("|".join(_pattern(form) for form in longest_first))


def keep_secrets_of(url: str) -> None:
    """Hide the password of a URL from now on, and its secret options; also if the URL cannot be parsed."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    in_host = scheme == "unix" and "@" in host  # a socket's path may have one, too
    user = (host if in_host else rest).rpartition("@")[0]
    name, colon, password = user.partition(":")
    if colon and "/" not in name:
        keep_secret(password)
    elif name and (REDIS.match(scheme) or BARE_TOKEN.match(url)):
        keep_secret(user)
    for _, option, value in PARAMETER.findall(url):
        if SECRET_NAME.search(unquote(option)):
            keep_secret(value)


def forget_secrets() -> None:
    """Hide nothing more, for tests: each is a process of its own to its secrets."""
    global _known
    _secrets.clear()
    _known = None


def without_secrets(text: str) -> str:
    """The text without the secrets that are known, whatever surrounds them."""
    return text if _known is None else _known.sub(HIDDEN, text)


def _pattern(secret: str) -> str:
    whole = re.escape(secret)
    return whole if len(secret) >= SHORT else rf"(?<!\w){whole}(?!\w)"


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
    """The text with the passwords of URLs hidden, such as `redis://user:***@queue:6379/0`, and all known secrets."""
    text = WORD.sub(lambda match: _without_user_password(match[0]), without_secrets(text))
    return PARAMETER.sub(_parameter, BARE_TOKEN.sub(rf"\1{HIDDEN}@", text))


def _without_user_password(word: str) -> str:
    """Hides `user:password@`, in linear time even for hostile text in a log line.

    A password may contain characters that normally end this part of a URL (`/`, `?`, `#`, `@`), so everything up to the
    last `@` is hidden: hiding too much is better than showing half a password.
    """
    start, end = word.find("://"), word.rfind("@")
    colon = word.find(":", start + 3, end) if 0 <= start < end else -1
    if colon >= 0:
        return f"{word[:colon]}:{HIDDEN}{word[end:]}"
    if 0 <= start < end and REDIS.search(word[max(0, start - LONGEST_SCHEME) : start]):
        return f"{word[: start + 3]}{HIDDEN}{word[end:]}"  # often a password without its colon
    return word


def _parameter(match: re.Match[str]) -> str:
    mark, name, value = match.groups()
    return f"{mark}{name}={HIDDEN if SECRET_NAME.search(unquote(name)) else value}"
