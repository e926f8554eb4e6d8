"""Another release: the program as it is, copied, with another logic version in `engine/limits.py`.

What its rules say is the same; what a release may do with the journal of another is decided by the
version alone.
"""

import shutil
from pathlib import Path

from engine.limits import LOGIC_VERSION
from tests.line.process import ROOT

_PACKAGES = ("engine", "feeds", "matching", "persistence", "risk")


def release(directory: Path, version: int) -> Path:
    """Make a release of a logic version; return the directory to run it in."""
    for package in _PACKAGES:
        shutil.copytree(
            ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    limits = directory / "engine" / "limits.py"
    as_it_is = f"\nLOGIC_VERSION: Final = {LOGIC_VERSION}\n"
    text = limits.read_text()
    assert text.count(as_it_is) == 1
    limits.write_text(text.replace(as_it_is, f"\nLOGIC_VERSION: Final = {version}\n"))
    return directory
