"""What a test does to a daemon from inside before it runs: named in FAULT_HARM, and never else."""

from collections.abc import Callable, Mapping

from engine.machine import Machine
from engine.messages import Input
from tests.faults.points import die_at_a_point


def compute_otherwise(word: str) -> None:
    """Let events that hold a word hold another one: a bug, or a flipped bit in memory."""
    apply = Machine.apply

    def differently(machine: Machine, item: Input, index: int, out: list[bytes]) -> None:
        apply(machine, item, index, out)
        out[-1] = out[-1].replace(word.encode(), word[::-1].encode())

    setattr(Machine, "apply", differently)  # noqa: B010 - mypy refuses to assign a method


HARMS: dict[str, Callable[..., None]] = {
    "points": die_at_a_point,
    "otherwise": compute_otherwise,
}


def do_harm(environment: Mapping[str, str]) -> None:
    """Change this process as FAULT_HARM says: a name, and words for it."""
    name, *words = environment.get("FAULT_HARM", "").split()[:] or [""]
    if name:
        HARMS[name](*words)
