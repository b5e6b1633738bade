"""Makes the demo small: it reads the docstrings of a part of the standard library, in the folder TESTS_LIBRARY.

Python imports this when it starts, where this folder is on PYTHONPATH.
"""

from __future__ import annotations

import os
import sysconfig
from typing import Any

_get_path = sysconfig.get_path


def get_path(name: str, *args: Any, **kwargs: Any) -> str:
    """The folder of a kind of files."""
    return os.environ["TESTS_LIBRARY"] if name == "stdlib" else _get_path(name, *args, **kwargs)


if "TESTS_LIBRARY" in os.environ:
    sysconfig.get_path = get_path
