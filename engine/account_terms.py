"""On which terms an account trades: its leverage (B3) and its fee tier (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import Refusal
from risk.margin import Standing
from risk.messages import BY_VOLUME, FeeTiersSet, LeverageSet, Rejected

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import State
    from matching.terms import AccountStatus
    from risk.account import Account
    from risk.messages import CreateAccount, SetFeeTiers, SetLeverage, UpdateAccount


def tier_is_unknown(
    state: State, command: CreateAccount | UpdateAccount, events: list[Event]
) -> bool:
    """Refuse a fee tier that nobody has set, and tell whether that was so."""
    known = [BY_VOLUME, *(tier.name for tier in state.fee_tiers)]
    if command.fee_tier is None or command.fee_tier in known:
        return False
    events.append(Rejected(Refusal.INVALID_TERMS, account=command.account, path="$.fee_tier"))
    return True


def fix_tier(account: Account, name: str) -> None:
    """Fix an account to a tier, or let its volume decide."""
    account.fee_tier = "" if name == BY_VOLUME else name


def settings_of(account: Account) -> tuple[str, int, str, AccountStatus, str, str]:
    """Return what the events about an account's settings say, in their order."""
    return (
        account.account_id,
        account.leverage_ppm,
        account.stp_group,
        account.status,
        account.fee_tier,
        "" if account.guard is None else account.guard.profile.name,
    )


class AccountTerms:
    """The part of the kernel that sets leverage by instrument, and fees by volume."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def set_leverage(self, command: SetLeverage, events: list[Event]) -> None:
        """Set an account's leverage for an instrument, if it has the margin for that."""
        state, symbol = self._state, command.symbol
        account, market = state.accounts.get(command.account), state.markets.get(symbol)
        if account is None:
            events.append(Rejected(Refusal.UNKNOWN_ACCOUNT, symbol, command.account))
            return
        if market is None:
            events.append(Rejected(Refusal.UNKNOWN_INSTRUMENT, symbol, command.account))
            return
        code, path = command.defect, command.defect_path or None
        position = account.positions.get(symbol)
        if code is None and position is not None:
            more = position.initial_atoms_at(command.leverage_ppm) - position.initial_atoms()
            if more > 0 and more > Standing(account).free:
                code = Refusal.INSUFFICIENT_MARGIN
        if code is not None:
            events.append(Rejected(code, symbol, command.account, path=path))
            return
        position = state.positions.open_or_create(account, market.instrument)
        position.own_leverage_ppm = command.leverage_ppm
        position.set_margin_rate()
        events.append(LeverageSet(command.account, symbol, command.leverage_ppm))

    def set_fee_tiers(self, command: SetFeeTiers, events: list[Event]) -> None:
        """Set the fees of orders that enter from now on; open orders keep theirs."""
        self._state.fee_tiers = command.tiers
        events.append(FeeTiersSet(command.tiers))
