"""What watches over one account's own limits: its profile, and what it must remember for it (C2).

An account without limits has no guard, so that it costs nothing. Reductions are never asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.limits import PPM
from matching.terms import Refusal
from risk.margin import divide_up
from risk.messages import Failure
from risk.terms import COUNT, RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matching.messages import BracketTerms
    from risk.account import Account
    from risk.losses import Losses
    from risk.position import Position
    from risk.terms import Profile

SECOND_US: Final = 1_000_000


class Entry:
    """An order that would open or add, as the checks of C1 have worked it out; money in atoms.

    `after_trade` is the position's notional at the mark once the order has filled whole, `worse`
    the greater exposure of its two sides with the order on it, `equity` the account's now.
    `entry_half` is the price it is expected to enter at, in half ticks: its limit, else the mark.
    """

    __slots__ = (
        "after_trade",
        "bracket",
        "entry_half",
        "equity",
        "lots",
        "notional",
        "position",
        "side",
        "worse",
    )

    def __init__(
        self, position: Position, side: int, lots: int, bracket: BracketTerms | None
    ) -> None:
        self.position: Position = position
        self.side: int = side
        self.lots: int = lots
        self.bracket: BracketTerms | None = bracket
        self.notional: int = 0
        self.after_trade: int = 0
        self.worse: int = 0
        self.equity: int = 0
        self.entry_half: int = 0

    def measure(
        self, leverage_ppm: int, notional: int, after_trade: int, worse: int, equity: int
    ) -> int:
        """Take what the checks of C1 have worked out; return the leverage that check 3 allows.

        That is the one used, or the profile's maximum where it is less.
        """
        self.notional, self.after_trade = notional, after_trade
        self.worse, self.equity = worse, equity
        guard = self.position.account.guard
        assert guard is not None
        most_ppm = guard.profile.max_leverage_ppm
        return min(leverage_ppm, most_ppm) if most_ppm else leverage_ppm


class Guard:
    """The limits of one account, and how many orders it has entered in the present second.

    `live` are the account's live orders (`matching.order`), of which armed ones protect positions;
    `losses` is None unless the profile has a limit on them.
    """

    __slots__ = ("account", "live", "losses", "profile", "rate_count", "rate_second")

    def __init__(self, account: Account, profile: Profile, live: Mapping[str, Any]) -> None:
        self.account: Account = account
        self.profile: Profile = profile
        self.live: Mapping[str, Any] = live
        self.losses: Losses | None = None
        self.rate_second: int = -1
        self.rate_count: int = 0

    def note_order(self, now_us: int) -> None:
        """Count an order of a client's that has entered, or been amended to more."""
        second = now_us // SECOND_US
        if second != self.rate_second:
            self.rate_second, self.rate_count = second, 0
        self.rate_count += 1

    def note_close(self, result_atoms: int) -> None:
        """Take note of a fill that has left a position flat or turned it, and what it brought."""
        if self.losses is not None:
            self.losses.note_close(result_atoms)

    def floor(self) -> int | None:
        """Return the equity at which the next limit on losses is reached, None for no limit."""
        return None if self.losses is None else self.losses.floor(self.profile)

    def rate_failure(self, now_us: int) -> tuple[Failure, ...]:
        """Ask whether one more order fits the present second (UTC, of engine time)."""
        limit = self.profile.max_order_rate
        used = self.rate_count if now_us // SECOND_US == self.rate_second else 0
        if limit == 0 or used < limit:
            return ()
        return (Failure(Refusal.ORDER_RATE, limit, used, 1, COUNT),)

    def failures(self, entry: Entry) -> tuple[Failure, ...]:
        """Return every limit of the profile that the order would break, and what pauses openings.

        Linear in the account's positions, with a limit on heat also in its live orders.
        """
        found = [*self._of_size(entry), *self._of_number(entry), *self._of_risk(entry)]
        if self.losses is not None:
            found += self.losses.failures(self.profile, entry.equity)
        return tuple(found)

    def _of_size(self, entry: Entry) -> Iterator[Failure]:
        """Ask for the size of the order and of what it would make of the position."""
        profile, position = self.profile, entry.position
        held = abs(position.value_atoms())
        limit = profile.max_position_notional_atoms
        if 0 < limit < entry.after_trade:
            more = max(0, entry.after_trade - held)
            yield Failure(Refusal.POSITION_NOTIONAL_LIMIT, limit, held, more)
        for code, share_ppm, by_notional, before, after in (
            (
                Refusal.POSITION_SIZE,
                profile.max_position_ppm,
                profile.position_by_notional,
                held,
                entry.after_trade,
            ),
            (
                Refusal.INSTRUMENT_EXPOSURE,
                profile.max_instrument_ppm,
                profile.instrument_by_notional,
                position.worse_atoms(),
                entry.worse,
            ),
        ):
            if share_ppm == 0:
                continue
            used, wanted = before, after
            if not by_notional:
                used, wanted = position.margin_atoms(before), position.margin_atoms(after)
            if wanted * PPM > share_ppm * entry.equity:
                allowed = max(0, share_ppm * entry.equity // PPM)
                yield Failure(code, allowed, used, max(0, wanted - used))

    def _of_number(self, entry: Entry) -> Iterator[Failure]:
        """Ask in how many instruments the account is, or would be by its open orders."""
        profile, position = self.profile, entry.position
        others = [
            p
            for p in self.account.positions.values()
            if p is not position and (p.lots or p.buy_lots or p.sell_lots)
        ]
        limit = profile.max_positions
        if 0 < limit <= len(others):
            yield Failure(Refusal.TOO_MANY_POSITIONS, limit, len(others), 1, COUNT)
        group, limit = position.instrument.terms.group, profile.max_correlated
        if group and limit:
            alike = sum(p.instrument.terms.group == group for p in others)
            if alike >= limit:
                yield Failure(Refusal.CORRELATED_POSITIONS, limit, alike, 1, COUNT)
        if profile.no_pyramiding and position.lots * entry.side > 0:
            yield Failure(Refusal.PYRAMIDING)

    def _of_risk(self, entry: Entry) -> Iterator[Failure]:
        """Ask for the portfolio's heat, and what a bracket may win against what it may lose."""
        profile = self.profile
        if profile.max_heat_ppm:
            used = sum(self._heat_atoms(p) for p in self.account.positions.values())
            wanted = _risk_of(entry)
            if (used + wanted) * PPM > profile.max_heat_ppm * entry.equity:
                allowed = max(0, profile.max_heat_ppm * entry.equity // PPM)
                yield Failure(Refusal.PORTFOLIO_HEAT, allowed, used, wanted)
        least_ppm = profile.min_reward_risk_ppm
        if least_ppm and entry.bracket is not None:
            reward, risk = _reward_and_risk(entry, entry.bracket)
            if risk > 0 and reward * PPM < least_ppm * risk:
                ppm = max(0, reward * PPM // risk)
                yield Failure(Refusal.REWARD_TO_RISK, least_ppm, 0, ppm, RATE)

    def _heat_atoms(self, position: Position) -> int:
        """Return what a position may lose down to its stops, and what its open orders hold.

        A part without a stop counts with its initial margin. Stops cover in order of arrival; one
        that the mark has passed already risks nothing more.
        """
        if position.lots == 0:
            return position.initial_atoms()
        heat = position.initial_atoms() - position.position_margin_atoms()
        side = 1 if position.lots > 0 else -1
        symbol, mark = position.instrument.symbol, position.instrument.mark_half_ticks
        bare = abs(position.lots)
        for order in self.live.values():
            if bare == 0:
                break
            if order.symbol == symbol and order.side == -side and protects(order):
                lots = min(bare, order.leaves_lots)
                lost_half = max(0, side * (mark - 2 * order.trigger_ticks))
                heat += lots * lost_half * position.instrument.half_atoms
                bare -= lots
        return heat + divide_up(position.position_margin_atoms() * bare, abs(position.lots))


def protects(order: Any) -> bool:
    """Tell whether a live order is a stop with a trigger, not a take-profit: it fires on a loss."""
    return bool(order.trigger_ticks and order.conditions.trigger.direction == order.side)


def _risk_of(entry: Entry) -> int:
    """Return what an order adds: the risk to its bracket's stop, else to the initial margin."""
    stop = None if entry.bracket is None else entry.bracket.stop_loss
    if stop is None:
        position = entry.position
        return max(0, position.margin_atoms(entry.worse) - position.initial_atoms())
    lost_half = entry.side * (entry.entry_half - 2 * stop.trigger_ticks)
    return entry.lots * max(0, lost_half) * entry.position.instrument.half_atoms


def _reward_and_risk(entry: Entry, bracket: BracketTerms) -> tuple[int, int]:
    """Return what a lot wins on average and what it risks, both times the take-profits' lots.

    In half ticks; (0, 0) where a bracket has no stop or no take-profit, and so no such ratio.
    """
    lots = sum(each.quantity_lots for each in bracket.take_profits)
    if bracket.stop_loss is None or lots == 0:
        return 0, 0
    reward = sum(
        entry.side * (2 * each.price_ticks - entry.entry_half) * each.quantity_lots
        for each in bracket.take_profits
    )
    return reward, lots * entry.side * (entry.entry_half - 2 * bracket.stop_loss.trigger_ticks)
