"""What a tape's operators set for accounts: fee tiers, leverage for an instrument (B3, B5)."""

from tests.core.tape_actions import Actions
from tests.core.tape_orders import ACCOUNTS, Command

DAY_MS = 24 * 3600 * 1_000
TIERS = ("base", "silver", "gold", "lead")
VOLUMES = ("20", "90.5", "250", "700", "2000")
FEES = ("0", "0.0003", "0.001", "0.000777", "-0.0001", "-0.000013", "0.1", "-0.1")


class Settings(Actions):
    """Sets tiers so low that everybody climbs them, and leverages that bind."""

    def fee_tiers(self) -> Command:
        """Set fee tiers, now and then none at all, or some that do not go together."""
        rng = self.rng
        count = rng.choice((0, 1, 2, 3, 3, 4))
        volumes = ["0", *sorted(rng.sample(VOLUMES, max(0, count - 1)), key=float)]
        names = rng.sample(TIERS, count)
        tiers = [self.tier(name, volume) for name, volume in zip(names, volumes, strict=False)]
        if tiers and rng.random() < 0.25:
            field = rng.choice(("name", "volume", "maker_fee", "taker_fee"))
            wrong = {"name": ("none", "base")}.get(field, ("-1", "0.2", "0.0000000001", "1001"))
            rng.choice(tiers)[field] = rng.choice(wrong)
        return {"type": "set_fee_tiers", "tiers": tiers}

    def tier(self, name: str, volume: str) -> Command:
        """Return a tier with fees that need not fall."""
        fees = {key: self.rng.choice(FEES) for key in ("maker_fee", "taker_fee")}
        return {"name": name, "volume": volume} | fees

    def leverage(self) -> Command:
        """Set an account's leverage for an instrument, or take it away."""
        rng = self.rng
        symbols = [each.symbol for each in self.listings]
        values = ("0", "0", "1", "1.25", "1.5", "2", "3", "4.5", "9", "0.5", "1001", "2.0000001")
        return {
            "type": "set_leverage",
            "account": rng.choice((*ACCOUNTS * 4, "nobody")),
            "symbol": rng.choice((*symbols * 5, "S9")),
            "leverage": rng.choice(values),
        }

    def named_tier(self) -> Command:
        """Give an account a tier of its own, or take it away."""
        named = {"fee_tier": self.rng.choice((*TIERS, "none"))}
        return {"type": "update_account", "account": self.rng.choice(ACCOUNTS)} | named
