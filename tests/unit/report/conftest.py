from __future__ import annotations

from tests.unit.services.conftest import workspace  # noqa: F401  a fixture
