"""Quiet, as in the engine's own tests."""

from tests.unit.engine.conftest import quiet_log

__all__ = ["quiet_log"]
