"""The frame around every page: navigation, theme."""

from __future__ import annotations

from evaluator.ui.frame import show

show()
