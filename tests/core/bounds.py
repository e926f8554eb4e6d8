"""Bounds made small enough to be reached in a test."""

import sys

import pytest

CORE = ("engine", "matching", "risk")


def lower(monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    """Set a bound of engine.limits wherever the core has taken it, until the test ends."""
    found = [
        module
        for path, module in list(sys.modules.items())
        if path.partition(".")[0] in CORE and hasattr(module, name)
    ]
    assert len(found) > 1, f"{name} is used nowhere: the test would prove nothing"
    for module in found:
        monkeypatch.setattr(module, name, value)
