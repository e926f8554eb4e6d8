"""`make golden`: record the golden journals of a logic version.

Those of a version that has some must still replay before others take their place.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.limits import LOGIC_VERSION
from tests.core.tapes import Step
from tests.golden.journals import FOLDER, file_in, read, record, replay, written
from tests.golden.tapes import TAPES


def main(folder: Path = FOLDER, tapes: Mapping[str, Callable[[], list[Step]]] = TAPES) -> int:
    """Record; return the exit code."""
    file = file_in(folder)
    if file.exists():
        try:
            for journal in read(file):
                replay(journal)
        except AssertionError as difference:
            sys.stderr.write(f"{difference}\n")
            return 1
    file.write_bytes(written([record(name, make()) for name, make in tapes.items()]))
    for other in folder.glob("*.jsonl.xz"):
        if other != file:
            other.unlink()
    sys.stdout.write(f"{file.name}: {len(tapes)} journals of logic version {LOGIC_VERSION}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
