"""What all commands of the wire are made of: their tag, and the kinds of their plainest fields."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from engine.limits import MAX_IDENTIFIER_LENGTH, MAX_INTEGER, MAX_TEXT_LENGTH

IDENTIFIER: Final = rf"^[A-Za-z0-9._-]{{1,{MAX_IDENTIFIER_LENGTH}}}\Z"

Identifier = Annotated[str, msgspec.Meta(pattern=IDENTIFIER)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]


class Wire(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, gc=False):
    """A command as it comes in: JSON, tagged by `type`."""
