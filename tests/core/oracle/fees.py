"""Whose fees an order is charged: the instrument's, or those of the account's tier (B5)."""

from fractions import Fraction

from tests.core.oracle.numbers import ATOMS, number, written
from tests.core.oracle.rates import ask_rate
from tests.core.oracle.world import HOUSE, Account, Command, Instrument, Refused, World

DAY = 24 * 3600 * 1_000_000
DAYS = 30
FEES = ("maker_fee", "taker_fee")
FIELDS = ("volume", *FEES)


def set_fee_tiers(world: World, command: Command) -> None:
    """`set_fee_tiers`: an empty list switches them off."""
    tiers = command["tiers"]
    if len(tiers) > 20:
        raise Refused(107, "$.tiers")
    for index, tier in enumerate(tiers):
        volume = number(tier["volume"]) * ATOMS
        if volume.denominator != 1 or not 0 <= volume <= 10**24:
            raise Refused(107, f"$.tiers[{index}].volume")
        for key in FEES:
            ask_rate(tier[key], f"tiers[{index}].{key}")
        wrong = _what_is_wrong(tier, tiers[:index])
        if wrong:
            raise Refused(409, f"$.tiers[{index}].{wrong}")
    world.tiers = tiers
    said = [
        {"name": tier["name"]} | {key: written(number(tier[key])) for key in FIELDS}
        for tier in tiers
    ]
    world.say("fee_tiers_set", tiers=said)


def _what_is_wrong(tier: Command, before: list[Command]) -> str:
    """Return the field of a tier that does not go with those before it, if any."""
    if tier["name"] == "none" or tier["name"] in [each["name"] for each in before]:
        return "name"
    volume = number(tier["volume"])
    if volume <= number(before[-1]["volume"]) if before else volume != 0:
        return "volume"
    return next((key for key in FEES if abs(number(tier[key])) > Fraction(1, 10)), "")


def ask_tier(world: World, command: Command) -> None:
    """Refuse a fee tier that nobody has set."""
    known = {"none", *(tier["name"] for tier in world.tiers)}
    if command.get("fee_tier") is not None and command["fee_tier"] not in known:
        raise Refused(409, "$.fee_tier")


def note(world: World, account: Account, notional: int) -> None:
    """Add a fill to the day's volume, while there are tiers; the house has none."""
    if world.tiers and account.name != HOUSE:
        today = world.now // DAY
        account.volumes[today] = account.volumes.get(today, 0) + notional


def volume(world: World, account: Account) -> int:
    """Return what an account has traded today and on the 29 days before, in atoms."""
    first = world.now // DAY - DAYS + 1
    return sum(traded for day, traded in account.volumes.items() if day >= first)


def rates(world: World, account: Account, instrument: Instrument) -> tuple[Fraction, Fraction]:
    """Return the maker's and the taker's rate of an order as it enters; the house pays none."""
    if account.name == HOUSE:
        return Fraction(0), Fraction(0)
    traded = volume(world, account)
    reached = [tier for tier in world.tiers if number(tier["volume"]) * ATOMS <= traded]
    named = [tier for tier in world.tiers if tier["name"] == account.fee_tier]
    source = (named or reached[-1:] or [instrument.terms])[0]
    return number(source["maker_fee"]), number(source["taker_fee"])
