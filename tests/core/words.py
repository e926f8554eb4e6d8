"""The words of the tests' language, and the fields of the wire that they stand for."""

from typing import Any

GRID = {"tick_size": "0.01", "lot_size": "1"}
WORDS: dict[str, dict[str, Any]] = {
    "post": {"post_only": True},
    "reduce": {"reduce_only": True},
}
ORDERS = ("place_order", "place_bracket", "amend_order", "cancel_order", "cancel_all")
STREAMS = dict.fromkeys((*ORDERS, "heartbeat", "what_if"), "orders") | dict.fromkeys(
    ("l1", "mark_price"), "ticks"
)
TYPES = (
    *("market", "stop", "stop_limit", "take_profit", "take_profit_limit"),
    *("trailing_stop", "trailing_stop_limit"),
)
NUMBERS = {"slippage": "max_slippage_bps", "expires": "expires_at", "bps": "trail_bps"}
COUNTS = ("max_tries", "max_positions", "max_correlated", "max_order_rate", "losing_streak")
FLAGS = {"true": True, "false": False}
FIELDS = {
    "peak": "display_quantity",
    "trigger": "trigger_price",
    "by": "trigger_by",
    "offset": "trail_offset",
    "step": "trail_step",
    "activation": "activation_price",
    "oco": "oco_group",
    "rule": "fill_rule",
}


def options_of(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Part the words from the `key=value` ones."""
    plain = [word for word in words if "=" not in word]
    return plain, dict(word.split("=", 1) for word in words if "=" in word)


def attributes(options: dict[str, Any]) -> dict[str, Any]:
    """Return the `key=value` of an order's line as its fields on the wire."""
    fields: dict[str, Any] = {}
    for key, value in options.items():
        if key == "gtd":
            fields |= {"time_in_force": "gtd", "expires_at": int(value)}
        elif key in NUMBERS:
            fields[NUMBERS[key]] = int(value)
        else:
            fields[FIELDS.get(key, key)] = value
    return fields


def with_numbers(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with times, counts and flags as on the wire; everything else is text."""
    return {
        key: int(v) if key.endswith("_ms") or key in COUNTS else FLAGS.get(v, v)
        for key, v in options.items()
    }


def with_integers(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with all their values as JSON numbers."""
    return {key: int(value) for key, value in options.items()}


def corporate(said: dict[str, Any]) -> dict[str, Any]:
    """Return what was said of a corporate action: a dividend's amount, or a split's `new:old`."""
    said |= {"type": "corporate_action", "action": "split" if "ratio" in said else "dividend"}
    if "ratio" in said:
        said["numerator"], said["denominator"] = map(int, said.pop("ratio").split(":"))
    return said


def levels(text: str) -> list[dict[str, Any]]:
    """Return breakers written as `0.05:60,0.1:300:auction,0.2`: move, seconds, if it gathers."""
    found: list[dict[str, Any]] = []
    for each in text.split(","):
        move, *rest = each.split(":")
        halt = {"halt_s": int(rest[0])} if rest else {}
        found.append({"move": move} | halt | ({"auction": True} if rest[1:] else {}))
    return found


def switch(words: list[str]) -> dict[str, Any]:
    """Return what `kill account bob reduce_only` or `resume global` says, after the verb."""
    words, options = options_of(words)
    fields = {"scope": words.pop(0), "operator": "ann", "reason": "a test"} | options
    if fields["scope"] != "global":
        fields[fields["scope"]] = words.pop(0)
    return fields | ({"mode": words[0]} if words else {})


def activity(options: dict[str, Any]) -> dict[str, Any]:
    """Return thresholds as on the wire: counts as numbers, rates as text."""
    return {
        key: v if key in {"reject_rate", "price_impact"} else int(v) for key, v in options.items()
    }


GUARDS: dict[str, Any] = {
    "kill": lambda _, words: {"type": "kill"} | switch(words),
    "resume": lambda _, words: {"type": "resume"} | switch(words),
    "activity": lambda _, words: {"type": "set_activity"} | activity(options_of(words)[1]),
    "heartbeat": lambda _, words: (
        {"type": "heartbeat", "account": words[0], "timeout_ms": int(words[1])}
    ),
}
"""What operators and silence stop; each takes the market and the words after the verb."""


def exits(options: dict[str, Any]) -> dict[str, Any]:
    """Take a bracket's own words out of the options: `tp=3@105,4@107 sl=95@94 slby=mark rule=…`."""
    fields: dict[str, Any] = {}
    if "tp" in options:
        parts = (part.split("@") for part in options.pop("tp").split(","))
        fields["take_profit"] = [{"quantity": lots, "price": price} for lots, price in parts]
    if "sl" in options:
        trigger, _, price = options.pop("sl").partition("@")
        by = {"trigger_by": options.pop("slby")} if "slby" in options else {}
        limit = {"price": price} if price else {}
        fields["stop_loss"] = {"trigger_price": trigger} | limit | by
    return fields | ({"fill_rule": options.pop("rule")} if "rule" in options else {})


def booked(words: list[str], symbol: str) -> dict[str, Any]:
    """Return `book bob buy 5@100 with=ann id=t1 at=1700000000000` as a command; `at` signs it."""
    words, options = options_of(words)
    quantity, _, price = words[2].partition("@")
    fields = {"trade_id": options.get("id", "t")}
    fields |= {"counter_account": options["with"]} if "with" in options else {}
    return {
        "type": "book_trade",
        "account": words[0],
        "symbol": options.get("symbol", symbol),
        "side": words[1],
        "quantity": quantity,
        "price": price,
        **fields,
    } | ({"timestamp": int(options["at"])} if "at" in options else {})
