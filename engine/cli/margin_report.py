"""`pitboss report margin`: every account with its ratio, those nearest to liquidation first."""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from rich.table import Table

from engine.limits import PPM
from engine.liquidation import Case, more_urgent
from engine.rendering_admin import money, rate
from risk.margin import Standing, divide_up, margin_ratio_ppm, margin_ratio_reaches
from risk.tiers import tier_reached

if TYPE_CHECKING:
    from engine.state import State
    from risk.account import Account
    from risk.messages import SetLiquidation


def margin_report(state: State) -> list[dict[str, Any]]:
    """Return one row an account, highest ratio first, in the order in which they would be acted on.

    `utilisation` is (initial margin + held fees) ⁄ equity, rounded up to 6 places, null without
    positive equity. `stage` is `liquidation candidate` from ratio 1 on (D1), `tier 1` to `tier 3`,
    `call`, or empty.
    """
    accounts = state.accounts.values()
    standings = {account.account_id: Standing(account) for account in accounts}
    cases = [
        Case(
            account, standings[account.account_id].equity, standings[account.account_id].maintenance
        )
        for account in accounts
    ]
    # `more_urgent` compares ratios; an account without a position has none to compare.
    # Nor is the venue's own ever acted on (D6).
    exposed = [c for c in cases if c.maintenance_atoms > 0 and not c.account.is_reserved]
    exposed.sort(key=cmp_to_key(more_urgent))
    others = [c for c in cases if c.maintenance_atoms == 0 or c.account.is_reserved]
    others.sort(key=lambda case: case.account.account_id)
    return [
        _row(case.account, standings[case.account.account_id], state.ladder)
        for case in exposed + others
    ]


def margin_table(rows: list[dict[str, Any]]) -> Table:
    """Return the report as a table."""
    table = Table(title="margin, highest ratio first", title_justify="left", title_style="bold")
    columns = ("account", "stage", "ratio", "utilisation", "equity", "maintenance", "initial")
    for column in (*columns, "free", "exposure"):
        table.add_column(column, justify="left" if column in columns[:2] else "right")
    for row in rows:
        utilisation = "–" if row["utilisation"] is None else row["utilisation"]
        table.add_row(
            row["account"],
            row["stage"],
            row["margin_ratio"],
            utilisation,
            row["equity"],
            row["maintenance_margin"],
            row["initial_margin"],
            row["free_margin"],
            row["exposure"],
        )
    return table


def _row(account: Account, standing: Standing, ladder: SetLiquidation) -> dict[str, Any]:
    used = standing.initial + standing.fee_hold
    utilisation = None
    if standing.equity > 0:
        utilisation = rate(divide_up(used * PPM, standing.equity))
    exposure = sum(abs(position.value_atoms()) for position in account.positions.values())
    return {
        "account": account.account_id,
        "stage": "" if account.is_reserved else _stage(standing, ladder),
        "margin_ratio": rate(margin_ratio_ppm(standing.maintenance, standing.equity)),
        "utilisation": utilisation,
        "equity": money(standing.equity),
        "maintenance_margin": money(standing.maintenance),
        "initial_margin": money(standing.initial),
        "fee_hold": money(standing.fee_hold),
        "free_margin": money(standing.free),
        "exposure": money(exposure),
        "status": account.status.value,
        "in_liquidation": account.in_liquidation,
    }


def _stage(standing: Standing, ladder: SetLiquidation) -> str:
    maintenance, equity = standing.maintenance, standing.equity
    if margin_ratio_reaches(maintenance, equity, PPM):
        return "liquidation candidate"
    tier = tier_reached(maintenance, equity, ladder)
    if tier:
        return f"tier {tier}"
    # A call is for what lies above the threshold, not at it (D1).
    above = maintenance > 0 and maintenance * PPM > ladder.margin_call_ppm * equity
    return "call" if above else ""
