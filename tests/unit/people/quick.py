"""Hashes of passwords that take no time."""

from __future__ import annotations

from types import ModuleType

import pytest
from argon2 import PasswordHasher


def quick(monkeypatch: pytest.MonkeyPatch, passwords: ModuleType) -> None:
    """Let a module hash with the least that argon2 takes."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_NOBODYS", hasher.hash("nobody has this password"))
