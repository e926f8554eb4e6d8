"""Whatever takes risk away is let in, whatever stands against it, in any state (C1, E4)."""

from collections import Counter

from tests.core.market import Event
from tests.core.probes import against, blocked, far, price, quantity, venues


def _kinds(events: list[Event]) -> list[str]:
    """Return the types of an order's events, none of which may be a refusal."""
    assert not blocked(events), events
    return [event["type"] for event in events]


def test_no_new_order_that_reduces_is_blocked() -> None:
    """Limit, market or at once, marked reduce-only or just small enough (C1, E4)."""
    seen: Counter[str] = Counter()
    for venue, position, rng in venues(0):
        venue.turn_against(position)
        side, size = against(position), abs(position.lots)
        free = venue.free_lots(position)
        at_once = {"price": price(position, far(-side)), "time_in_force": "ioc"}
        rest = rng.choice(({}, at_once))
        if rng.random() < 0.3:
            more = {"reduce_only": True, **rest}
            kinds = _kinds(venue.order(position, rng.randint(1, 9 * size), **more))
            seen["marked"] += kinds[0] == "order_accepted"
        elif rng.random() < 0.3:
            market = {"order_type": "market", "price": None, "reduce_only": True}
            seen["market"] += _kinds(venue.order(position, size, **market))[0] == "order_accepted"
        elif free > 0:
            kinds = _kinds(venue.order(position, rng.randint(1, free), **rest))
            seen["plain"] += kinds[0] == "order_accepted"
        if position.lots * side < 0:
            one_more = max(1, venue.free_lots(position) + 1)
            seen["too large"] += len(blocked(venue.order(position, one_more)))

    assert all(seen[word] > 5 for word in ("marked", "market", "plain", "too large")), seen


def test_no_stop_that_reduces_is_blocked() -> None:
    """Neither on its way in nor when it fires, at the end of its own command (C1, E4, A11)."""
    seen: Counter[str] = Counter()
    for venue, position, rng in venues(1):
        venue.turn_against(position)
        free = venue.free_lots(position)
        stop = {"order_type": "stop_limit", "trigger_by": "mark"}
        stop["trigger_price"] = price(position, far(against(position)))
        if position.instrument.mark_half_ticks == 0:
            continue
        if rng.random() < 0.5:
            kinds = _kinds(venue.order(position, abs(position.lots), **stop, reduce_only=True))
            seen["marked"] += kinds[:2] == ["order_accepted", "order_triggered"]
        elif free > 0:
            kinds = _kinds(venue.order(position, free, **stop))
            seen["plain"] += kinds[:2] == ["order_accepted", "order_triggered"]

    assert all(seen[word] > 5 for word in ("marked", "plain")), seen


def test_no_amend_of_an_exit_is_blocked() -> None:
    """To another price, and to more while that still only reduces (C1, E4, A9)."""
    seen: Counter[str] = Counter()
    for venue, position, rng in venues(2):
        venue.turn_against(position)
        free = venue.free_lots(position)
        is_marked = rng.random() < 0.4
        if free < 2 and not is_marked:
            continue
        (accepted,) = venue.order(position, 1, **({"reduce_only": True} if is_marked else {}))
        amend = {"type": "amend_order", "account": accepted["account"]}
        amend |= {"client_order_id": accepted["client_order_id"]}
        nearer = far(against(position)) + 2 * against(position)
        moved = _kinds(venue.send(**amend, price=price(position, nearer)))
        more = rng.randint(2, 99) if is_marked else rng.randint(2, free)
        grown = _kinds(venue.send(**amend, quantity=quantity(position, more)))
        seen["marked" if is_marked else "plain"] += moved[0] == grown[0] == "order_amended"

    assert all(seen[word] > 5 for word in ("marked", "plain")), seen


def test_no_child_of_a_bracket_is_blocked() -> None:
    """Its entry fills when everything is against its owner, and is covered (A13, E4)."""
    seen: Counter[str] = Counter()
    for venue, position, _ in venues(3):
        mark, side = position.instrument.mark_half_ticks // 2, -against(position)
        if mark < 20:
            continue
        venue.resume_all()
        named = {"account": position.account.account_id, "symbol": position.instrument.symbol}
        for name in (named["account"], "whale"):
            venue.let_trade(name)
        venue.send(type="update_instrument", symbol=named["symbol"], price_band="0")
        entry = {"side": "buy" if side > 0 else "sell", "order_type": "limit", "tag": "probe"}
        entry |= {"client_order_id": "entry", "price": price(position, mark)}
        profit = {"price": price(position, mark + side * 9), "quantity": quantity(position, 8)}
        stop = {"trigger_price": price(position, mark - side * 9), "trigger_by": "mark"}
        bracket = {"entry": entry | {"quantity": quantity(position, 8)}, "take_profit": [profit]}
        venue.send(type="place_bracket", **named, **bracket, stop_loss=stop)
        if "entry" not in venue.state.live[named["account"]]:
            continue
        venue.turn_against(position, market=False)
        filler = {"type": "place_order", "account": "whale", "symbol": named["symbol"]}
        filler |= {"side": "sell" if side > 0 else "buy", "price": price(position, mark)}
        filler |= {"order_type": "limit", "time_in_force": "ioc", "client_order_id": "filler"}
        events = venue.send(**filler, quantity=quantity(position, 9_000))
        of_children = [e for e in events if e.get("client_order_id") in {"entry.tp1", "entry.sl"}]
        seen[" ".join(_kinds(of_children)[:2])] += 1

    assert seen["order_accepted order_accepted"] > 5, seen


def test_no_booked_trade_that_reduces_is_blocked() -> None:
    """Agreed elsewhere or not, it takes risk away (B7, C1, E4)."""
    seen: Counter[str] = Counter()
    for venue, position, rng in venues(3):
        venue.turn_against(position)
        venue.limit(position.account.account_id)  # by now what expires has expired
        free, mark = venue.free_lots(position), position.instrument.mark_half_ticks // 2
        if free < 1 or mark == 0:
            continue
        trade = {"account": position.account.account_id, "symbol": position.instrument.symbol}
        trade |= {"side": "sell" if against(position) < 0 else "buy", "trade_id": "probe"}
        lots = rng.choice((rng.randint(1, free), free + 1))
        events = venue.send(
            type="book_trade",
            **trade,
            price=price(position, mark),
            quantity=quantity(position, lots),
        )
        assert bool(blocked(events)) == (lots > free), events
        seen["too large" if lots > free else events[0]["type"]] += 1

    assert all(seen[word] > 5 for word in ("trade", "too large")), seen
