"""On which terms an account trades: its fee tier (B5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.terms import Refusal
from risk.messages import BY_VOLUME, FeeTiersSet, Rejected

if TYPE_CHECKING:
    from engine.messages import Event
    from engine.state import State
    from matching.terms import AccountStatus
    from risk.account import Account
    from risk.messages import CreateAccount, SetFeeTiers, UpdateAccount


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


def settings_of(account: Account) -> tuple[str, int, str, AccountStatus, str]:
    """Return what the events about an account's settings say, in their order."""
    return (
        account.account_id,
        account.leverage_ppm,
        account.stp_group,
        account.status,
        account.fee_tier,
    )


class AccountTerms:
    """The part of the kernel that sets fees by volume."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state: State = state

    def set_fee_tiers(self, command: SetFeeTiers, events: list[Event]) -> None:
        """Set the fees of orders that enter from now on; open orders keep theirs."""
        self._state.fee_tiers = command.tiers
        events.append(FeeTiersSet(command.tiers))
