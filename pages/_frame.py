"""The frame around every page: navigation, theme."""

from __future__ import annotations

from evaluator.ui.shell.frame import show

show()
