"""What all commands of the wire are made of: their tag, and the kinds of their plainest fields."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from engine.limits import (
    MAX_DECIMAL_LENGTH,
    MAX_IDENTIFIER_LENGTH,
    MAX_INDEX_WEIGHT,
    MAX_INTEGER,
    MAX_TEXT_LENGTH,
)

IDENTIFIER: Final = rf"^[A-Za-z0-9._-]{{1,{MAX_IDENTIFIER_LENGTH}}}\Z"

Identifier = Annotated[str, msgspec.Meta(pattern=IDENTIFIER)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]


SymbolOrAll = Annotated[str, msgspec.Meta(pattern=r"^(\*|[A-Za-z0-9._-]{1,64})\Z")]
TIME_OF_DAY: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"
AtOnce = Literal["reject", "fire"]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=TIME_OF_DAY)]
SmallCount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Basis = Literal["margin", "notional"]
Weight = Annotated[int, msgspec.Meta(ge=1, le=MAX_INDEX_WEIGHT)]
DECIMAL: Final = rf"^(?=.{{1,{MAX_DECIMAL_LENGTH}}}\Z)-?(0|[1-9][0-9]*)(\.[0-9]+)?\Z"
Decimal = (
    Annotated[str, msgspec.Meta(pattern=DECIMAL)]
    | Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
)


class Wire(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, gc=False):
    """A command as it comes in: JSON, tagged by `type`."""
