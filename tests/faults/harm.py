"""What a test does to a daemon from inside before it runs: named in FAULT_HARM, and never else."""

from collections.abc import Callable, Mapping

from tests.faults.points import die_at_a_point

HARMS: dict[str, Callable[..., None]] = {"points": die_at_a_point}


def do_harm(environment: Mapping[str, str]) -> None:
    """Change this process as FAULT_HARM says: a name, and words for it."""
    name, *words = environment.get("FAULT_HARM", "").split()[:] or [""]
    if name:
        HARMS[name](*words)
