"""The location of app.py and pages/: the top of the repository, or inside an installed package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def app_folder() -> Path:
    """The folder with app.py, pages/ and .streamlit/."""
    packed = PACKAGE / "_app"
    return packed if packed.is_dir() else PACKAGE.parent


def app_path() -> Path:
    """The ASGI application's file."""
    return app_folder() / "app.py"
