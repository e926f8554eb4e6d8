"""The life of each position, folded from the events that moved it: one row of `positions` each.

A life begins with the fill that opens a position, or with the opening half of one that turns it
round, and ends when the position is flat or turns round. Everything here follows from the journal
alone and is exact: decimals that would have to be rounded raise. Only instruments whose
`instrument_created` was seen are followed, so that whatever is followed is known from its
beginning; of the others nothing is said.
"""

from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final, NamedTuple

from persistence import event_shapes as shapes
from persistence.row_types import InstrumentRow, PositionRow

OPEN: Final = "OPEN"
CLOSED: Final = "CLOSED"
LIQUIDATED: Final = "LIQUIDATED"
TAKEN_OVER: Final = "TAKEN_OVER"
BACKSTOP: Final = "backstop"

_PRICE_PLACES: Final = 8
_ATOM_PLACES: Final = 8
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
# Far more digits than any product of the engine's integers has; a lost one is an error.
_EXACT: Final = Context(
    prec=200, traps=[Clamped, DivisionByZero, Inexact, InvalidOperation, Overflow]
)
_plus: Final = _EXACT.add
_minus: Final = _EXACT.subtract
_times: Final = _EXACT.multiply


class LivesContradict(Exception):
    """An event does not follow from the lives as they are known: something else wrote them."""


class Place(NamedTuple):
    """Where in the journal an event stands, and when that was."""

    time_us: int
    frame: int
    event: int


class Ending(NamedTuple):
    """What a life that a fill ends is called, and who took it over."""

    status: str
    taken_over_by: str | None = None


_BY_ORDER: Final = Ending(CLOSED)
_BY_LIQUIDATION: Final = Ending(LIQUIDATED)
_BY_TAKEOVER: Final = Ending(TAKEN_OVER, BACKSTOP)


class Life:
    """One position from its opening fill on; quantity and cost above zero whatever its side.

    Both stay as they last stood when it ends. Of `last`, the place of what changed it last, the
    time is that of the end once it has ended.
    """

    __slots__ = (
        *("account", "contract", "cost", "fees", "has_ended", "id", "last", "max_quantity"),
        *("opened", "quantity", "realized", "sign", "status", "symbol", "taken_over_by"),
    )

    def __init__(
        self, life_id: str, account: str, symbol: str, sign: int, contract: Decimal, opened: Place
    ) -> None:
        self.id = life_id
        self.account = account
        self.symbol = symbol
        self.sign = sign
        self.contract = contract
        self.opened = self.last = opened
        self.quantity = self.max_quantity = self.cost = self.realized = self.fees = _ZERO
        self.status = OPEN
        self.taken_over_by: str | None = None
        self.has_ended = False

    @property
    def signed(self) -> Decimal:
        """The quantity, below zero for a short."""
        return self.quantity if self.sign > 0 else self.quantity.copy_negate()

    def grow(self, size: Decimal, worth: Decimal) -> None:
        """Add a size at what a quantity of 1 of it is worth."""
        self.quantity = _plus(self.quantity, size)
        self.cost = _plus(self.cost, _times(size, worth))
        self.max_quantity = max(self.max_quantity, self.quantity)

    def reduce(self, size: Decimal, worth: Decimal, told: str | None) -> bool:
        """Take a size out, with its part of the cost; return whether that was all of it (B1).

        The part follows from the realised result that the event told, cost out = size × worth −
        sign × realised; where it told none, the rule does: ⌊cost × size ⁄ quantity⌋ in atoms.
        """
        brought = _times(size, worth)
        if told is None:
            atoms = _EXACT.divide_int(
                _EXACT.scaleb(_times(self.cost, size), _ATOM_PLACES), self.quantity
            )
            cost_out = _EXACT.scaleb(atoms, -_ATOM_PLACES)
            profit = _minus(brought, cost_out)
        else:
            profit = _by(self.sign, Decimal(told))
            cost_out = _minus(brought, profit)
        self.realized = _plus(self.realized, _by(self.sign, profit))
        if size == self.quantity:
            if cost_out != self.cost:
                raise LivesContradict(
                    f"{self.account} took {cost_out} out of the cost of {self.id}, which was "
                    f"{self.cost}"
                )
            return True
        self.quantity = _minus(self.quantity, size)
        self.cost = _minus(self.cost, cost_out)
        return False

    def restate(self, numerator: Decimal, denominator: Decimal) -> None:
        """Count in the units of after a split; the greatest quantity begins anew with it."""
        self.quantity = _EXACT.divide(_times(self.quantity, numerator), denominator)
        self.max_quantity = self.quantity

    def end(self, ending: Ending) -> None:
        """End it, since it is flat or has turned round."""
        self.has_ended = True
        self.status, self.taken_over_by = ending


class Standing(NamedTuple):
    """What stands, and is written over: instruments and lives, each once."""

    instruments: list[InstrumentRow]
    lives: list[Life]


class PositionLives:
    """The open positions of a shard and the terms they are held in. Memory grows with these alone.

    `take_changed` gives the rows that have changed since it was last called.
    """

    def __init__(self, shard: str) -> None:
        self._shard = shard
        self._instruments: dict[str, InstrumentRow] = {}
        self._contracts: dict[str, Decimal] = {}
        self._open: dict[tuple[str, str], Life] = {}
        self._changed: dict[str, Life] = {}
        self._changed_instruments: dict[str, InstrumentRow] = {}

    # What is known already

    def know_instrument(self, row: InstrumentRow) -> None:
        """Take over an instrument whose positions are all known from their beginning."""
        self._instruments[row.symbol] = row
        self._contracts[row.symbol] = Decimal(row.contract_size)

    def know_life(self, life: Life) -> None:
        """Take over a life that goes on."""
        self._open[life.account, life.symbol] = life

    @property
    def open_lives(self) -> list[Life]:
        """The lives that have not ended, in no order."""
        return list(self._open.values())

    # One function per kind of event

    def instrument_created(self, place: Place, event: shapes.Instrument, terms: str) -> None:
        """From now on the instrument's positions are followed."""
        self._contracts[event.symbol] = Decimal(event.contract_size)
        self._set_instrument(place, event, terms)

    def instrument_updated(self, place: Place, event: shapes.Instrument, terms: str) -> None:
        """Keep its terms; the grid and the contract size never change."""
        if event.symbol in self._contracts:
            self._set_instrument(place, event, terms)

    def instrument_deleted(self, place: Place, symbol: str) -> None:
        """Everybody is flat in it."""
        row = self._instruments.pop(symbol, None)
        if row is None:
            return
        del self._contracts[symbol]
        self._changed_instruments[symbol] = row._replace(
            time_us=place.time_us, frame=place.frame, event_index=place.event, is_deleted=True
        )

    def trade(self, place: Place, event: shapes.Trade) -> None:
        """Book both sides, the maker's first, as the engine does."""
        symbol = event.symbol
        if symbol not in self._contracts:
            return
        worth = self._worth(symbol, event.price)
        taken = _signed(event.quantity, event.aggressor_side)
        for party, signed in ((event.maker, taken.copy_negate()), (event.taker, taken)):
            ending = _BY_LIQUIDATION if _is_liquidation(party) else _BY_ORDER
            after = party.realized_pnl, party.position
            self._book(place, (party.account, symbol), signed, worth, after, ending, party.fee)

    def takeover(self, place: Place, event: shapes.Takeover) -> None:
        """Move lots to the backstop; of its own side the event says nothing."""
        symbol = event.symbol
        if symbol not in self._contracts:
            return
        worth = self._worth(symbol, event.price)
        signed = _signed(event.quantity, event.side)
        after = event.realized_pnl, event.position
        self._book(place, (event.account, symbol), signed, worth, after, _BY_TAKEOVER)
        self._book(place, (BACKSTOP, symbol), signed.copy_negate(), worth, None, _BY_ORDER)

    def deleveraged(self, place: Place, event: shapes.Deleveraged) -> None:
        """Close two positions against each other; each life it ends was taken by the other side."""
        symbol = event.symbol
        if symbol not in self._contracts:
            return
        worth = self._worth(symbol, event.price)
        signed = _signed(event.quantity, event.side)  # the counter account's
        for account, other, each, after in (
            (event.account, event.counter_account, signed.copy_negate(), event.account_after),
            (event.counter_account, event.account, signed, event.counter_after),
        ):
            told = after.realized_pnl, after.position
            self._book(place, (account, symbol), each, worth, told, Ending(TAKEN_OVER, other))

    def odd_lots(self, place: Place, event: shapes.OddLots) -> None:
        """Close what a split makes nothing whole of against the house."""
        symbol = event.symbol
        if symbol not in self._contracts:
            return
        worth = self._worth(symbol, event.price)
        signed = _signed(event.quantity, event.side)
        after = event.counter_after
        told = (event.realized_pnl, event.position), (after.realized_pnl, after.position)
        for account, each, so in (
            (event.account, signed, told[0]),
            (event.counter_account, signed.copy_negate(), told[1]),
        ):
            self._book(place, (account, symbol), each, worth, so, _BY_ORDER)

    def corporate_action(self, place: Place, event: shapes.CorporateAction) -> None:
        """Restate the quantities that a split multiplies; what they cost stays. Linear."""
        if event.numerator == event.denominator:
            return
        for life in self.open_lives:
            if life.symbol == event.symbol:
                life.restate(Decimal(event.numerator), Decimal(event.denominator))
                life.last = place
                self._changed[life.id] = life

    # Rows

    def take_changed(self) -> Standing:
        """Return what has changed since this was last asked, in the order of its first change.

        The lives themselves: make their rows before another event is told.
        """
        standing = Standing(list(self._changed_instruments.values()), list(self._changed.values()))
        self._changed_instruments.clear()
        self._changed.clear()
        return standing

    @property
    def changed(self) -> int:
        """How many rows have changed and were not taken."""
        return len(self._changed) + len(self._changed_instruments)

    # The fold itself

    def _set_instrument(self, place: Place, event: shapes.Instrument, terms: str) -> None:
        row = InstrumentRow(
            *place,
            event.symbol,
            event.contract_size,
            event.tick_size,
            event.lot_size,
            event.mode,
            event.mark_source,
            terms,
            is_deleted=False,
        )
        self._instruments[event.symbol] = self._changed_instruments[event.symbol] = row

    def _worth(self, symbol: str, price: str) -> Decimal:
        """Return what a quantity of 1 is worth at a price."""
        return _times(Decimal(price), self._contracts[symbol])

    def _book(
        self,
        place: Place,
        whose: tuple[str, str],
        signed: Decimal,
        worth: Decimal,
        told: tuple[str, str] | None,
        ending: Ending,
        fee: str = "0",
    ) -> None:
        """Grow, reduce, end or turn round a life. Raises LivesContradict.

        `told` is what the event says of the account and symbol: realised result, position after.
        """
        life = self._open.get(whose)
        after = signed if life is None else _plus(life.signed, signed)
        if told is not None and after != Decimal(told[1]):
            raise LivesContradict(
                f"frame {place.frame} event {place.event}: {whose[0]} has {told[1]} {whose[1]} "
                f"after it, and {after} by its life so far"
            )
        size = signed.copy_abs()
        if life is not None and (life.sign > 0) != (signed > 0):
            is_all = life.reduce(min(size, life.quantity), worth, told and told[0])
            self._charge(life, place, fee)
            if not is_all:
                return
            life.end(ending)
            del self._open[whose]
            if not after:
                return
            # A fill is paid for once: by the life that it ends.
            life, size, fee = None, after.copy_abs(), "0"
        if life is None:
            life = self._begin(place, whose, 1 if after > 0 else -1)
        life.grow(size, worth)
        self._charge(life, place, fee)

    def _charge(self, life: Life, place: Place, fee: str) -> None:
        """Add a fee, and note what changed the life."""
        if fee != "0":
            life.fees = _plus(life.fees, Decimal(fee))
        life.last = place
        self._changed[life.id] = life

    def _begin(self, place: Place, whose: tuple[str, str], sign: int) -> Life:
        # Of the two sides of an event one buys and one sells, so this names one of them.
        side = "buy" if sign > 0 else "sell"
        life_id = f"{self._shard}-{place.frame}-{place.event}-{side}"
        life = Life(life_id, *whose, sign, self._contracts[whose[1]], place)
        self._open[whose] = life
        return life


def position_row(life: Life) -> PositionRow:
    """Return the row of a life as it stands."""
    ended = life.has_ended
    return PositionRow(
        life.id,
        life.account,
        life.symbol,
        "LONG" if life.sign > 0 else "SHORT",
        life.status,
        "0" if ended else str(life.quantity),
        "0" if ended else str(life.cost),
        str(life.max_quantity),
        str(_price(life.cost, _times(life.quantity, life.contract))),
        str(life.cost),
        str(life.realized),
        str(life.fees),
        life.taken_over_by,
        *life.opened,
        life.last.frame,
        life.last.event,
        life.last.frame if ended else None,
        life.last.time_us if ended else None,
    )


def _is_liquidation(party: shapes.Party) -> bool:
    """Tell whether the order is a liquidation's: it has the number that only the engine knew."""
    name = party.client_order_id
    return name.startswith("liq-") and name == f"liq-{party.order_id}"


def _by(sign: int, amount: Decimal) -> Decimal:
    return amount if sign > 0 else amount.copy_negate()


def _signed(quantity: str, side: str) -> Decimal:
    found = Decimal(quantity)
    return found if side == "buy" else found.copy_negate()


def _price(cost: Decimal, quantity: Decimal) -> Decimal:
    """Return cost ⁄ quantity, rounded half up to 8 places, as `pitboss state` shows it."""
    whole, rest = _EXACT.divmod(_EXACT.scaleb(cost, _PRICE_PLACES), quantity)
    if _plus(rest, rest) >= quantity:
        whole = _plus(whole, _ONE)
    return _EXACT.scaleb(whole, -_PRICE_PLACES)
