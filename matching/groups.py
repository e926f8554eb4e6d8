"""Orders of which one cancels the others (A13): what they may trade, and what a fill costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import FillRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matching.order import Order

FIRST_HIT = FillRule.FIRST_HIT
COMPLETE_FILL = FillRule.COMPLETE_FILL


class Hold:
    """What some of a group's resting legs hold of an account's margin (B3): the dearer counts."""

    __slots__ = ("atoms", "fee_atoms", "lots")

    def __init__(self, lots: int = 0, atoms: int = 0, fee_atoms: int = 0) -> None:
        self.lots: int = lots
        self.atoms: int = atoms
        self.fee_atoms: int = fee_atoms


class Group:
    """The live orders of one `oco_group` and what each asked for when it entered.

    `last_id` is the client order id of the member accepted last; `held` what the resting legs hold
    now, by (side, whether they only reduce).
    """

    __slots__ = ("account_id", "has_filled", "held", "last_id", "members", "name", "rule", "symbol")

    def __init__(self, account_id: str, symbol: str, name: str, rule: FillRule) -> None:
        self.account_id: str = account_id
        self.symbol: str = symbol
        self.name: str = name
        self.rule: FillRule = rule
        self.members: dict[Order, int] = {}
        self.has_filled: bool = False
        self.last_id: str = ""
        self.held: dict[tuple[int, bool], Hold] = {}

    @property
    def is_spent(self) -> bool:
        """Tell whether the group takes nobody any more: it has had a fill, or all have left."""
        return self.has_filled or not self.members

    def join(self, order: Order) -> None:
        """Link an accepted order to those already there."""
        self.members[order] = order.quantity_lots
        self.last_id = order.client_order_id

    def cut_lots(self, order: Order, by: Order, before_lots: int, after_lots: int) -> int:
        """Return what a member loses as another's fills go from `before_lots` to `after_lots`.

        Its own total in proportion, to the lot below: ⌊filled × its total ⁄ leg total⌋ (A13).
        """
        total, leg_total = self.members[order], self.members[by]
        return after_lots * total // leg_total - before_lots * total // leg_total

    def capacity(self, maker: Order, bitten: Mapping[Order, int]) -> int:
        """Return what a resting member may still trade in a sweep that has `bitten` so much."""
        left = maker.leaves_lots - bitten.get(maker, 0)
        for sibling in self.members:
            lots = bitten.get(sibling, 0)
            if lots == 0 or sibling is maker:
                continue
            if self.rule is FIRST_HIT:
                return 0
            if self.rule is COMPLETE_FILL:
                if lots == sibling.leaves_lots:
                    return 0
            else:
                filled = sibling.filled_lots
                left -= self.cut_lots(maker, sibling, filled, filled + lots)
        return max(0, left)

    def hold_of(
        self,
        side: int,
        unit_atoms: int,
        *,
        reduce_only: bool = False,
        left_out: Order | None = None,
    ) -> Hold:
        """Return what the resting legs of one side and kind hold, each measure by its greatest."""
        hold = Hold()
        for leg in self.members:
            if (
                leg is not left_out
                and leg.level is not None
                and leg.side == side
                and leg.reduces_only == reduce_only
            ):
                hold.lots = max(hold.lots, leg.leaves_lots)
                hold.atoms = max(hold.atoms, leg.leaves_lots * leg.price_ticks * unit_atoms)
                hold.fee_atoms = max(hold.fee_atoms, leg.fee_hold_atoms)
        return hold
