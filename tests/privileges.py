"""Processes that permissions bind, also where the tests run as root."""

from __future__ import annotations

import os
import shutil

import pytest


def without_privileges() -> list[str]:
    """What to put before a command, so that it may do no more than its files' permissions say."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everything, and there is no setpriv to give that up")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
