"""The folders down to the embedded Valkey's socket: nobody but this user may enter, or put another queue there.

Jobs name functions that workers call, so whoever owns the queue acts as the user who runs the workers. In a folder that
all users share, another user could make the folder of the socket first.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from redis import UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from evaluator.errors import QueueUnavailableError
from evaluator.settings import Settings


def make_private(settings: Settings) -> None:
    """Make the folders down to the socket, and check that existing ones are private.

    Raises:
        QueueUnavailableError: somebody else made one of them, or could replace it.
    """
    shared, *own = _folders(settings)
    if not settings.socket_is_shared:
        shared.mkdir(parents=True, exist_ok=True)
    for folder in own:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            _check_owner(folder)
        except OSError as error:
            raise QueueUnavailableError(
                f"{folder} cannot be made for the queue's socket ({error.strerror})"
            ) from error
        folder.chmod(0o700)
    require_private(settings)


def require_private(settings: Settings) -> None:
    """Check the folders down to the socket; a missing folder is no danger.

    Raises:
        QueueUnavailableError: one of them is not this user's alone.
    """
    shared, *own = _folders(settings)
    try:
        if settings.socket_is_shared:
            _check_shared(shared)
        for folder in own:
            _check_owner(folder)
            if stat.S_IMODE(folder.lstat().st_mode) & 0o077:
                raise QueueUnavailableError(
                    f"{folder} can be entered by other users: another queue may be there. Remove it"
                    f"{_WAY_OUT} or, if you know that it is yours, `chmod 700` it"
                )
    except (FileNotFoundError, NotADirectoryError):
        pass


_WAY_OUT = (
    ", set XDG_RUNTIME_DIR or TMPDIR to a folder that only you can write, choose a shorter EVALUATOR_HOME"
)


def _folders(settings: Settings) -> tuple[Path, ...]:
    """The folder that the others are in, and then those that must be private, from the top down."""
    folder = settings.valkey_socket.parent
    if settings.socket_is_shared:
        return folder.parent.parent, folder.parent, folder
    return settings.home_path, folder


def _check_shared(folder: Path) -> None:
    """Check that other users cannot replace our folder in a shared one, which its sticky bit prevents."""
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in (0, os.getuid()) or (mode & 0o022 and not mode & stat.S_ISVTX):
        raise QueueUnavailableError(
            f"other users can replace what is in {folder}, where the queue's socket would be{_WAY_OUT}"
        )


def _check_owner(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "no folder"
        raise QueueUnavailableError(
            f"{folder} is {kind}, and may lead to somebody else's queue; remove it{_WAY_OUT}"
        )
    if status.st_uid != os.getuid():
        raise QueueUnavailableError(
            f"{folder} belongs to another user (uid {status.st_uid}), who may have put another queue there; remove it"
            f"{_WAY_OUT}"
        )


class PrivateConnection(UnixDomainSocketConnection):
    """A connection to the embedded Valkey that checks where it leads each time it is opened.

    A cleaner of temporary files may have removed our folder meanwhile, and another user made one of that name.
    """

    def __init__(self, *, settings: Settings, **options: object) -> None:
        super().__init__(path=str(settings.valkey_socket), **options)  # type: ignore[no-untyped-call]
        self._settings = settings

    def _connect(self) -> socket.socket:
        connected: socket.socket = super()._connect()  # type: ignore[no-untyped-call]
        try:
            require_private(self._settings)  # after connecting, and before anything is sent
        except QueueUnavailableError as error:
            connected.close()
            raise RedisConnectionError(str(error)) from error
        return connected
