"""What an event counts as, where tapes are asked whether they did what they are for."""

from fractions import Fraction
from typing import Any

from tests.core.oracle.numbers import ATOMS, number
from tests.core.oracle.world import RESERVED, World

PARTIES = ("maker", "taker")
CHILDREN = (".tp1", ".tp2", ".tp3", ".sl")


def words(event: dict[str, Any]) -> list[str]:
    """Return what an event counts as among the needed."""
    kind, name = event["type"], str(event.get("client_order_id"))
    words = [kind, event.get("mode", "")]
    words += [each["reason"] for each in event.get("errors") or [event] if "reason" in each]
    if kind == "order_amended" and "cause" in event:
        grown = event["cause"] == "bracket" and not event["kept_priority"]
        words.append(f"{event['cause']} {'grown' if grown else 'cut'}")
    words += _breaker(event) + _refused(event) + _boundary(event) + _waterfall(event)
    words += _booked(event) + _guards(event)
    words += [f"unusual {event['kind']}"] if kind == "unusual_activity" else []
    if name.endswith(CHILDREN):
        at_once = kind == "order_accepted" and event["status"] == "done"
        words += ["child at once"] if at_once else []
        codes = {413: "child refused", 703: "child repeated"}
        words.append(codes.get(event.get("code", 0), ""))
    return words


def beyond(world: World, event: dict[str, Any]) -> list[str]:
    """Return what an event of a position beyond its instrument's first margin bracket counts as."""
    symbol, account = event.get("symbol"), event.get("account")
    if symbol not in world.instruments or account not in world.accounts:
        return []
    instrument = world.instruments[symbol]
    if len(instrument.brackets) == 1:
        return []
    notional = Fraction(abs(world.accounts[account].position(instrument).value))
    if event["type"] == "liquidation":
        receipt = event["receipt"]
        notional = abs(number(receipt["position"])) * number(receipt["mark_price"]) * ATOMS
    return [f"{event['type']} beyond"] if notional >= instrument.brackets[1][0] else []


def outside(world: World, event: dict[str, Any]) -> list[str]:
    """Return what an event of an instrument of mode `l1` counts as (D5)."""
    instrument = world.instruments.get(str(event.get("symbol")))
    kind = event["type"]
    if instrument is None or not instrument.is_outside or "trade_ref" in event:
        return []
    words = [f"outside {kind}"]
    if kind == "trade":
        words += [f"outside {side}" for side in PARTIES if event[side]["account"] == "house"]
        is_last = event["taker"]["leaves"] == "0"
        words += ["outside one of many"] if not is_last and "outside taker" in words else []
        child = str(event["maker"]["client_order_id"]).endswith(CHILDREN)
        words += ["outside child"] if child else []
    if kind == "liquidation":
        words.append(f"outside tier {event['tier']} {event['side']}")
        words += ["outside under water"] if event["receipt"]["equity"].startswith("-") else []
    if kind == "order_cancelled":
        words.append(f"outside {event['reason']}")
    return words


def _booked(event: dict[str, Any]) -> list[str]:
    """Return what a trade that was agreed elsewhere counts as."""
    if "trade_ref" not in event:
        return []
    words = ["booked", f"booked {event['aggressor_side']}"]
    words += ["booked and signed"] if "trade_signature" in event else []
    for side, way in zip(PARTIES, (-1, 1), strict=True):
        party = event[side]
        name = str(party["account"])
        words += [f"booked with the {name}"] if name in RESERVED else []
        after, lots = number(party["position"]), number(event["quantity"])
        before = after - way * lots * (1 if event["aggressor_side"] == "buy" else -1)
        words += ["turned by a booked trade"] if before * after < 0 else []
    return words


def _refused(event: dict[str, Any]) -> list[str]:
    """Return what a refusal counts as by what it is about."""
    if event["type"] != "rejected":
        return []
    words = [f"rejected {event['path'].partition('[')[0]}"] if "path" in event else []
    too_low = event["code"] == 504 and "errors" not in event
    return [*words, "leverage too low"] if too_low else words


def _breaker(event: dict[str, Any]) -> list[str]:
    """Return what a breaker counts as: whose it is, and how it ends (E2)."""
    if event["type"] != "breaker":
        return []
    end = "gathers" if "auction" in event else "by a clock" if "until" in event else "by nobody"
    return [f"breaker of the {event['scope']}", f"breaker {end}"]


def _boundary(event: dict[str, Any]) -> list[str]:
    """Return what funding and swap count as (B6)."""
    kind = event["type"]
    if kind not in {"funding", "swap"} or event["residue"] == "0":
        return []
    from_the_venue = event["residue"].startswith("-")
    return [f"{kind} residue", f"{kind} from the venue" if from_the_venue else ""]


def _guards(event: dict[str, Any]) -> list[str]:
    """Return what an event counts as that a kill switch, or silence, has a part in (E4, E5)."""
    kind = event["type"]
    if 605 in [each.get("code") for each in event.get("errors") or [event]]:
        return [f"{kind} by a switch"]
    if kind == "flatten":
        return ["flatten at input" if "in" in event else "flatten by timer"]
    reason = event.get("reason") if kind == "order_cancelled" else ""
    return [f"cancelled by {reason}"] if reason in {"kill_switch", "heartbeat"} else []


def _waterfall(event: dict[str, Any]) -> list[str]:
    """Return what an event of the waterfall counts as (D6, D7)."""
    kind = event["type"]
    if kind == "deleveraged":
        deep = event["rank"] >= 3
        return [f"round {event['round']}", f"{event['side']} round", "rank 3" if deep else ""]
    if kind == "deficit":
        halves = (("by the fund", "from_insurance"), ("by nobody", "from_deficit"))
        return [word for word, key in halves if event[key] != "0"]
    if kind == "takeover":
        return [f"takeover {event['side']}", "flat by takeover" if event["position"] == "0" else ""]
    if kind == "balance_changed":
        lost = event["cause"] == "insurance" and not event["delta"].startswith("-")
        return [f"paid {event['cause']}", "lost by the backstop" if lost else ""]
    is_cleared = kind == "order_cancelled" and event["reason"] == "deleveraged"
    return ["cleared for deleveraging"] if is_cleared else []
