"""The lock: every package by hash, no address of any machine."""

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_every_locked_package_has_hashes_and_no_address(lock: Path) -> None:
    """A lock with an address installs from one place only; one without hashes from any."""
    text = lock.read_text(encoding="utf-8")
    packages = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(packages) > 15
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==\S+ ", package), package
        assert "--hash=sha256:" in package, package
    assert not re.search(r"://|file:|@ |--(extra-)?index|--find-links|(?m:\s/\w)", text)


@pytest.mark.parametrize("wanted", sorted((ROOT / "requirements").glob("*.in")))
def test_lock_holds_what_is_wanted(wanted: Path) -> None:
    """After adding a name to a .in file, `make lock` was run."""
    locked = wanted.with_suffix(".txt").read_text(encoding="utf-8")
    for line in wanted.read_text(encoding="utf-8").splitlines():
        name = re.match(r"[a-z0-9-]+", line)
        if name is not None and not line.startswith("-"):
            assert f"\n{name[0]}==" in locked, f"run `make lock`: {name[0]} is missing"
