"""How often Python looks for garbage in a process whose objects live long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 50, 1_000)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no garbage while a state is built: all of it is to stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def spare_what_lives() -> None:
    """Leave alone all that lives now, and look through what grows old hardly at all.

    A pass over a full book would stop the loop for tenths of a second and find nothing: what orders
    and positions leave behind is in no cycle. What dies young is looked through as ever.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
