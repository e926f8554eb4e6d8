"""What operators and price feeds do: instruments, accounts, money, limits, prices."""

from dataclasses import asdict, fields

from tests.core.oracle import auctions, bands, breakers, limits, losses, margins, outside
from tests.core.oracle.fees import ask_tier
from tests.core.oracle.grid import ticks_of
from tests.core.oracle.numbers import ATOMS, money, number, written
from tests.core.oracle.rates import (
    ask_brackets,
    ask_rate,
    brackets_of,
    brackets_said,
    unsound_bracket,
    with_brackets,
)
from tests.core.oracle.world import (
    RESERVED,
    Account,
    Command,
    Event,
    Instrument,
    Ladder,
    Refused,
    World,
)

DEFAULTS: Command = {
    "contract_size": 1,
    "initial_margin": "0.20",
    "maintenance_margin": "0.10",
    "max_leverage": 5,
    "maker_fee": 0,
    "taker_fee": 0,
    "collar": "0.05",
    "price_band": 0,
    "funding_cap": "0.0075",
}
RATES = tuple(key for key in DEFAULTS if key != "contract_size")
GREATEST_MONEY = 10**24


def create_instrument(world: World, command: Command) -> None:
    """`create_instrument`."""
    symbol = command["symbol"]
    if symbol in world.instruments:
        raise Refused(205)
    given = {key: value for key, value in command.items() if value is not None}
    terms = DEFAULTS | given
    terms.setdefault("mark_source", "l1_mid")
    tick, lot = number(terms["tick_size"]), number(terms["lot_size"])
    unit = tick * lot * number(terms["contract_size"]) * ATOMS
    if unit.denominator != 1 or unit <= 0 or unit.numerator % 2:
        raise Refused(409, "$.tick_size")
    ask_brackets(given)
    _ask_rates(terms)
    breakers.ask_levels(terms.get("breakers", ()), "breakers")
    terms = with_brackets(terms, given)
    state = terms.pop("state", "open")
    if unit > 10**12 or min(tick, lot) <= 0:
        raise Refused(409)
    _ask_sound(terms, world.ladder)
    instrument = Instrument(terms, state, tick, lot, unit.numerator, brackets_of(terms))
    world.instruments[symbol] = instrument
    world.say("instrument_created", **_terms(instrument), state=state)


def update_instrument(world: World, command: Command) -> None:
    """`update_instrument`."""
    instrument = world.instrument(command["symbol"])
    changes = {key: value for key, value in command.items() if value is not None}
    _ask_rates(changes)
    ask_brackets(changes)
    breakers.ask_levels(changes.get("breakers", ()), "breakers")
    terms = with_brackets(instrument.terms, changes)
    _ask_sound(terms, world.ladder)
    before, levels, instrument.terms = instrument.band, instrument.levels, terms
    instrument.brackets = brackets_of(terms)
    bands.switched(world, instrument, before)
    breakers.changed(world, instrument, levels)
    world.moved.add(instrument.symbol)
    world.say("instrument_updated", **_terms(instrument))
    outside.reach(world, instrument)


def _ask_rates(terms: Command) -> None:
    """Refuse rates of more than six places, or beyond anything a rate could be."""
    for key in RATES:
        if key in terms:
            ask_rate(terms[key], key)


def _ask_sound(terms: Command, ladder: Ladder) -> None:
    """Refuse numbers that do not fit together, naming the bracket where it is one."""
    if not _are_sound(terms, ladder):
        index = unsound_bracket(terms, ladder)
        at_fault = "margin_brackets" in terms and index is not None
        raise Refused(409, f"$.margin_brackets[{index}].maintenance_margin" if at_fault else None)


def _are_sound(terms: Command, ladder: Ladder) -> bool:
    """Tell whether the numbers fit together (B4)."""
    initial, keep = number(terms["initial_margin"]), number(terms["maintenance_margin"])
    leverage = number(terms["max_leverage"])
    fees = (number(terms["maker_fee"]), number(terms["taker_fee"]))
    return (
        0 < keep <= initial <= 1 <= leverage <= 1000
        and unsound_bracket(terms, ladder) is None
        and all(abs(fee) * 10 <= 1 for fee in fees)
        and 0 < number(terms["collar"]) < 1
        and 0 <= number(terms["price_band"]) < 1
        and 0 <= number(terms["funding_cap"]) <= 1
    )


def _terms(instrument: Instrument) -> Event:
    names = ("tick_size", "lot_size", "contract_size", *RATES)
    rates = {name: written(instrument.rate(name)) for name in names}
    if not instrument.band:
        del rates["price_band"]
    others: Event = {
        name: instrument.terms[name]
        for name in ("mark_source", "session_end", "group")
        if name in instrument.terms
    }
    if instrument.terms.get("stop_already_reached") == "fire":
        others["stop_already_reached"] = "fire"
    if instrument.is_outside:
        others["mode"] = "l1"
    if instrument.levels:
        others["breakers"] = breakers.levels_said(instrument.levels)
    return {"symbol": instrument.symbol, **rates, **brackets_said(instrument.terms), **others}


def delete_instrument(world: World, command: Command) -> None:
    """`delete_instrument`."""
    instrument = world.instrument(command["symbol"])
    symbol = instrument.symbol
    held = any(a.position(instrument).lots for a in world.accounts.values())
    if held or any(order.instrument is instrument for order in world.orders + world.armed):
        raise Refused(207)
    for account in world.accounts.values():
        account.positions.pop(symbol, None)
        account.leverages.pop(symbol, None)
    del world.instruments[symbol]
    world.waiting_symbols.discard(symbol)
    world.seen.discard(symbol)
    world.held.pop(symbol, None)
    world.weights.pop(symbol, None)
    world.uncovered = [b for b in world.uncovered if b.entry.instrument is not instrument]
    world.say("instrument_deleted", symbol=symbol)


def set_market_state(world: World, command: Command) -> None:
    """`set_market_state`."""
    wanted = command["symbol"]
    if wanted != "*":
        world.instrument(wanted)
    symbols = sorted(world.instruments) if wanted == "*" else [wanted]
    for symbol in symbols:
        instrument = world.instruments[symbol]
        world.held.pop(symbol, None)
        is_over = instrument.state == "auction" and command["state"] != "auction"
        if is_over and not instrument.is_outside:
            auctions.uncross(world, instrument)
        instrument.state = command["state"]
        world.moved.add(symbol)
        world.say("market_state", symbol=symbol, state=command["state"])
    for symbol in symbols:
        outside.reach(world, world.instruments[symbol])


def create_account(world: World, command: Command) -> None:
    """`create_account`."""
    name = command["account"]
    if name in world.accounts or name in RESERVED:
        raise Refused(204)
    _ask_account(world, command)
    leverage = command.get("leverage")
    account = Account(
        name,
        command.get("status") or "active",
        None if leverage is None else number(leverage),
        command.get("stp_group") or "",
    )
    _fix_tier(account, command)
    world.accounts[name] = account
    limits.give(world, account, command.get("profile") or "none")
    world.say("account_created", **_settings(account))


def update_account(world: World, command: Command) -> None:
    """`update_account`."""
    if command["account"] in RESERVED:
        raise Refused(204)
    account = world.account(command["account"])
    _ask_account(world, command)
    if command.get("leverage") is not None:
        account.leverage = number(command["leverage"])
    if command.get("stp_group") is not None:
        account.group = command["stp_group"]
    if command.get("status") is not None:
        account.status = command["status"]
    _fix_tier(account, command)
    if command.get("profile") is not None:
        limits.give(world, account, command["profile"])
    world.say("account_updated", **_settings(account))


def _ask_account(world: World, command: Command) -> None:
    if command.get("profile") not in {None, *limits.PRESETS}:
        raise Refused(409, "$.profile")
    if command.get("leverage") is not None:
        ask_rate(command["leverage"], "leverage")
        if not 1 <= number(command["leverage"]) <= 1000:
            raise Refused(107, "$.leverage")
    ask_tier(world, command)


def _fix_tier(account: Account, command: Command) -> None:
    """Give an account a fee tier of its own, or take it away."""
    if command.get("fee_tier") is not None:
        account.fee_tier = "" if command["fee_tier"] == "none" else command["fee_tier"]


def _settings(account: Account) -> Event:
    said: Event = {"account": account.name, "status": account.status}
    said |= {"leverage": written(account.leverage)} if account.leverage else {}
    said |= {"stp_group": account.group} if account.group else {}
    said |= {"fee_tier": account.fee_tier} if account.fee_tier else {}
    return said | ({"profile": account.profile} if limits.is_limited(account) else {})


def set_leverage(world: World, command: Command) -> None:
    """`set_leverage`: an account's own leverage for one instrument; 0 takes it away (B3)."""
    account = world.account(command["account"])
    instrument = world.instrument(command["symbol"])
    ask_rate(command["leverage"], "leverage")
    leverage = number(command["leverage"])
    if leverage and not 1 <= leverage <= 1000:
        raise Refused(107, "$.leverage")
    before = dict(account.leverages)
    initial = margins.all_initial(world, account)
    account.leverages[instrument.symbol] = leverage
    if not leverage:
        del account.leverages[instrument.symbol]
    if margins.all_initial(world, account) > initial and margins.free(world, account) < 0:
        account.leverages = before
        raise Refused(504)
    world.say(
        "leverage_set",
        account=account.name,
        symbol=instrument.symbol,
        leverage=written(leverage),
    )


def _atoms(command: Command, key: str) -> int:
    atoms = number(command[key]) * ATOMS
    if atoms.denominator != 1 or not 0 <= atoms <= GREATEST_MONEY:
        raise Refused(107, f"$.{key}")
    return atoms.numerator


def transfer(world: World, command: Command) -> None:
    """`deposit` and `withdraw`."""
    amount = _atoms(command, "amount")
    find = world.trader if command["type"] == "deposit" else world.account
    account = find(command["account"])
    if command["transfer_id"] in world.transfers:
        raise Refused(702, "$.transfer_id")
    if account.status == "closed":
        raise Refused(206)
    if amount == 0:
        raise Refused(408, "$.amount")
    if command["type"] == "withdraw":
        if amount > min(account.balance, margins.free(world, account)):
            raise Refused(506)
        amount = -amount
    world.transfers.add(command["transfer_id"])
    world.accounts.setdefault(account.name, account)
    account.balance += amount
    losses.note_payment(account, amount)
    world.paid_in += amount
    world.traded.add(account.name)
    world.say(
        "balance_changed",
        account=account.name,
        delta=money(amount),
        balance=money(account.balance),
        cause="deposit" if amount > 0 else "withdrawal",
        transfer_id=command["transfer_id"],
    )


def fund_insurance(world: World, command: Command) -> None:
    """`fund_insurance` (D6)."""
    amount = _atoms(command, "amount")
    if command["transfer_id"] in world.transfers:
        raise Refused(702, "$.transfer_id")
    if amount == 0:
        raise Refused(408, "$.amount")
    world.transfers.add(command["transfer_id"])
    world.paid_in += amount
    world.insurance += amount
    world.say(
        "insurance_funded",
        amount=money(amount),
        insurance=money(world.insurance),
        transfer_id=command["transfer_id"],
    )


def set_liquidation(world: World, command: Command) -> None:
    """`set_liquidation`: the steps of D1 must rise, and admission must lie below the first."""
    names = [each.name for each in fields(Ladder)]
    given = {key: value for key, value in command.items() if key in names and value is not None}
    ladder = Ladder(**given)
    rates = [name for name in names if isinstance(getattr(ladder, name), str)]
    for name in rates:
        ask_rate(getattr(ladder, name), name)
    call, first, share1, second, share2, third, admission, fee = (
        number(getattr(ladder, name)) for name in rates
    )
    rises = 0 < call < first < second < third <= 1 and 0 < admission < first
    grows = 0 < share1 <= share2 <= 1
    fits = all(_are_sound(each.terms, ladder) for each in world.instruments.values())
    if not (rises and grows and fits and 0 <= fee <= 1):
        raise Refused(409)
    world.ladder = ladder
    world.moved |= set(world.instruments)
    said = asdict(ladder)
    world.say("liquidation_set", **(said | {key: written(number(said[key])) for key in rates}))


def tick(world: World, command: Command) -> None:
    """`l1` (E3)."""
    instrument = world.instrument(command["symbol"])
    bid = ticks_of(instrument, command["bid"], "$.bid")
    ask = ticks_of(instrument, command["ask"], "$.ask")
    source = command.get("source") or ""
    last_seq, last_ts = instrument.sources.get(source, (-1, -1))
    seq, ts = command.get("seq"), command.get("ts")
    is_newer = seq > last_seq if seq is not None else ts is None or ts >= last_ts
    if not is_newer:
        raise Refused(305)
    instrument.sources[source] = (
        last_seq if seq is None else seq,
        last_ts if ts is None else ts,
    )
    if instrument.is_outside and instrument.outside(1, world.now) is None:
        world.moved.add(instrument.symbol)  # liquidations may have waited for a touch
    instrument.bid, instrument.ask, instrument.quoted_at = bid, ask, world.now
    if instrument.terms["mark_source"] == "l1_mid":
        world.set_mark(instrument, bid + ask)
    outside.reach(world, instrument)


def mark_price(world: World, command: Command) -> None:
    """`mark_price`."""
    instrument = world.instrument(command["symbol"])
    price = ticks_of(instrument, command["price"])
    if instrument.terms["mark_source"] != "pushed":
        raise Refused(306)
    world.set_mark(instrument, 2 * price)
