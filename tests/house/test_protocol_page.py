"""docs/protocol.md says what the code does: refusals, reasons, command-line names."""

import re
from typing import get_args

from engine.wire import AnyWire
from matching.terms import CancelReason, Refusal
from tests.house.source import ROOT

PAGE = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")


def test_refusal_table_is_the_enum() -> None:
    """Clients act on the number; a number that the page does not hold cannot be acted on."""
    documented = re.findall(r"^\| (\d{3}) \| `(\w+)` \| \S", PAGE, re.MULTILINE)
    assert documented == [(str(each.value), each.reason) for each in Refusal], (
        "bring the table under Refusals in docs/protocol.md and matching.terms.Refusal together"
    )


def test_cancel_reasons_are_documented() -> None:
    """Why an order left is the first question of whoever owned it."""
    row = next(line for line in PAGE.splitlines() if line.startswith("| `order_cancelled`"))
    missing = [each.value for each in CancelReason if each.value not in row]
    assert not missing, f"docs/protocol.md, row order_cancelled: add {', '.join(missing)}"


def test_every_command_is_documented() -> None:
    """A command that the page does not hold is found by reading the source, or never."""
    commands = [str(each.__struct_config__.tag) for each in get_args(AnyWire)]
    assert "place_order" in commands
    missing = [each for each in commands if f"`{each}`" not in PAGE]
    assert not missing, f"docs/protocol.md: add a row for {', '.join(missing)}"
