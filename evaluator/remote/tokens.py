"""Addresses of servers, and the token that each of them gets: one private file an address.

A token is sent to the address that it was stored for and to no other, and never without TLS beyond this machine.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from evaluator.errors import InvalidInputError
from evaluator.settings import Settings

DEFAULT_PORTS = {"http": 80, "https": 443}
EXAMPLE = "https://evaluator.example.org"
PRIVATE = 0o600
"""Permissions of a token's file: its owner reads and writes it."""
LONGEST = 1000
"""Characters of a token; a longer text is no token."""


def server_address(url: str) -> str:
    """The address of a server in the one form by which it is known: without a final slash or a usual port.

    Raises:
        InvalidInputError: it is no address of a server; the message does not repeat a password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise InvalidInputError(f"the server's address is not valid ({error}); write {EXAMPLE}") from error
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(
            f"a server's address holds no user and no password; write {EXAMPLE} and run `evaluator login`"
        )
    if parts.scheme not in DEFAULT_PORTS or not host or parts.query or parts.fragment:
        raise InvalidInputError(f"{url!r} is no address of a server; write one such as {EXAMPLE}")
    name = f"[{host}]" if ":" in host else host
    where = name if port in (None, DEFAULT_PORTS[parts.scheme]) else f"{name}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def require_private(address: str) -> None:
    """Refuse to send a token where others can read it on its way.

    Raises:
        InvalidInputError: the address is plain http, and not on this machine's loopback.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise InvalidInputError(
            f"a token is not sent to {address}, because others could read it on its way; use https"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def checked_token(written: str) -> SecretStr:
    """A token as a person gave it, without the white space around it.

    Raises:
        InvalidInputError: it is empty or no token; the message does not show it.
    """
    token = written.strip()
    if not token:
        raise InvalidInputError("the token is empty; copy it from the server's page")
    if len(token) > LONGEST or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInputError(
            "this is no token: it is one word of letters, digits and signs; copy all of it"
        )
    return SecretStr(token)


def token_for(settings: Settings, address: str) -> SecretStr | None:
    """The token for a server: `EVALUATOR_TOKEN`, else the stored one; None if there is neither.

    If `EVALUATOR_SERVER` is set, `EVALUATOR_TOKEN` is for that server alone.

    Raises:
        InvalidInputError: the token would be sent without TLS, or its file cannot be used.
    """
    given = settings.token
    if given is not None and (settings.server is None or server_address(settings.server) == address):
        token: SecretStr | None = checked_token(given.get_secret_value())
    else:
        token = stored_token(address)
    if token is not None:
        require_private(address)
    return token


def stored_token(address: str) -> SecretStr | None:
    """The token that was stored for a server; None if there is none.

    Raises:
        InvalidInputError: its file cannot be read, or others may read it too.
    """
    path = _path(address)
    try:
        if stat.S_IMODE(path.stat().st_mode) & ~PRIVATE:
            raise InvalidInputError(
                f"others may read the token in {path}; run `chmod 600` on it, or `evaluator login {address}` again"
            )
        return checked_token(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise InvalidInputError(
            f"the token in {path} cannot be read ({error}); run `evaluator login {address}` again"
        ) from error


def store_token(address: str, token: SecretStr) -> Path:
    """Store a token for a server, in a file that nobody but this user may read; returns its path.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    require_private(address)
    path = _path(address)
    scratch = path.with_name(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:  # noqa: PTH123
            file.write(token.get_secret_value() + "\n")
        scratch.replace(path)
    except OSError as error:
        raise InvalidInputError(
            f"the token cannot be stored in {path.parent} ({error.strerror}); set XDG_CONFIG_HOME to another folder, "
            "or use EVALUATOR_TOKEN"
        ) from error
    finally:
        with suppress(OSError):
            scratch.unlink()
    return path


def forget_token(address: str) -> bool:
    """Remove the token of a server; returns whether there was one.

    Raises:
        InvalidInputError: its file cannot be removed.
    """
    path = _path(address)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be removed ({error.strerror}); remove it by hand") from error
    return True


def _path(address: str) -> Path:
    return _configuration_folder() / "retrieval-evaluator" / "tokens" / quote(address, safe="")


def _configuration_folder() -> Path:
    """The user's folder for configuration: `XDG_CONFIG_HOME` if that is an absolute path, else `~/.config`."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if folder.is_absolute():
        return folder
    try:
        return Path.home() / ".config"
    except RuntimeError as error:
        raise InvalidInputError(
            "this user has no home folder for tokens; set XDG_CONFIG_HOME, or use EVALUATOR_TOKEN"
        ) from error
