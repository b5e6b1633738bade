"""Messages on pages and routes name a folder of the server by its purpose instead of its path.

Logs, and commands on the server's machine, show whole paths.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile

from evaluator.settings import Settings
from evaluator.urls import without_secrets
from evaluator.workspace.workspace import served_settings


def without_paths(message: str) -> str:
    """A message without known secrets; if this process serves pages and routes, with the server's folders by name."""
    message = without_secrets(message)
    settings = served_settings()
    if settings is None or "/" not in message:
        return message
    for pattern, name in _named(settings):
        message = pattern.sub(name, message)
    return message


def _named(settings: Settings) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Folders and what they are called, the inner ones first."""
    folders = {
        os.environ.get("HOME", ""): "~",
        tempfile.gettempdir(): "the folder for temporary files",
        sys.prefix: "the installation",
        os.environ.get("HF_HOME", ""): "HF_HOME",
        str(settings.valkey_socket.parent): "the queue's folder",
        str(settings.home_path): "EVALUATOR_HOME",
        settings.artifacts_url.removeprefix("file://"): "EVALUATOR_ARTIFACTS",
    }
    return tuple(
        (re.compile(rf"(?<![\w.-]){re.escape(folder)}(?![\w.-])"), name)
        for folder, name in sorted(folders.items(), key=lambda item: -len(item[0]))
        if folder.startswith("/") and folder != "/"
    )
