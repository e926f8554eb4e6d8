"""The words of the tests' language, and the fields of the wire that they stand for."""

from typing import Any

GRID = {"tick_size": "0.01", "lot_size": "1"}
WORDS: dict[str, dict[str, Any]] = {
    "post": {"post_only": True},
    "reduce": {"reduce_only": True},
}
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
