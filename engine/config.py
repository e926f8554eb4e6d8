"""`config.toml` as typed, frozen values: bounds on everything, unknown keys refused.

The file has two halves. Sections such as `[redis]` or `[snapshot]` say how this process runs and
may change at a restart. `[liquidation]`, `[admission]`, `[market_breakers]`, `[activity]` and the
tables of instruments, fee tiers, accounts and deposits say how the shard begins: they become the
commands of the genesis frame, and afterwards the journal alone holds them.
"""

import tomllib
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from engine import config_errors
from engine.config_checks import check_address, check_ratio, check_tls_files, check_unique
from engine.config_errors import DECIMAL_PATTERN, IDENTIFIER_PATTERN
from engine.tls import sslmode

DEFAULT_FILE = Path("config.toml")

Identifier: TypeAlias = Annotated[str, Meta(pattern=IDENTIFIER_PATTERN)]
DecimalText: TypeAlias = Annotated[str, Meta(pattern=DECIMAL_PATTERN, max_length=40)] | int
Milliseconds: TypeAlias = Annotated[int, Meta(ge=1, le=86_400_000)]
Bracket: TypeAlias = dict[str, DecimalText]

# May be changed while running, by SIGHUP: none of them can change a result.
HOT_KEYS = frozenset(
    {
        "log.level",
        "mirror.interval_ms",
        "snapshot.interval_s",
        "writer.batch_rows",
        "writer.interval_ms",
    }
)

# Of [liquidation], what the command takes as whole numbers; the rest are decimals.
COUNTED = frozenset({"review_ms", "max_tries", "max_wait_ms"})


class ConfigError(Exception):
    """The configuration cannot be used; the text names the file, the key and the remedy."""


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """Files that open a server to us, and that prove it to be the right one."""

    password_file: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


class Redis(Credentials, frozen=True, forbid_unknown_fields=True):
    """Where the streams are. Without a url the daemon starts a Valkey of its own."""

    url: str | None = None

    def __post_init__(self) -> None:
        """Refuse a url of another kind, one that holds a password, or TLS in half."""
        check_address("url", self.url, ("redis", "rediss", "unix"))
        is_tls = self.url is not None and self.url.startswith("rediss:")
        check_tls_files(self, "write rediss:// in redis.url", is_used=is_tls)


class Postgres(Credentials, frozen=True, forbid_unknown_fields=True):
    """Where fills go. Without a dsn the daemon starts a Postgres of its own."""

    dsn: str | None = None

    def __post_init__(self) -> None:
        """Refuse a dsn of another kind, one that holds a password, or TLS in half."""
        check_address("dsn", self.dsn, ("postgres", "postgresql"))
        is_tls = sslmode(self.dsn or "") == "verify-full"
        check_tls_files(self, "write sslmode=verify-full in postgres.dsn", is_used=is_tls)


class Engine(Struct, frozen=True, forbid_unknown_fields=True):
    """The loop: a loop that has not turned for `watchdog_s` seconds ends the process.

    One that has been behind for `overload_ms` lets in only what reduces; 0 lets all in (E6).
    """

    watchdog_s: Annotated[int, Meta(ge=1, le=600)] = 10
    overload_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100


class Journal(Struct, frozen=True, forbid_unknown_fields=True):
    """How much goes into a frame, and how many frames are kept in memory and in Redis."""

    batch_commands: Annotated[int, Meta(ge=1, le=4_096)] = 512
    ring_frames: Annotated[int, Meta(ge=16, le=65_536)] = 4_096
    retain_frames: Annotated[int, Meta(ge=1_000, le=1_000_000_000)] = 1_000_000


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """How often state is written to Redis, and how many generations are kept."""

    interval_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    keep: Annotated[int, Meta(ge=2, le=100)] = 3


class Writer(Struct, frozen=True, forbid_unknown_fields=True):
    """How fills are gathered on their way to Postgres."""

    batch_rows: Annotated[int, Meta(ge=1, le=50_000)] = 5_000
    interval_ms: Annotated[int, Meta(ge=1, le=60_000)] = 50


class Mirror(Struct, frozen=True, forbid_unknown_fields=True):
    """State written to Redis keys for programs that only look.

    Without a prefix the keys carry the shard's hash tag; an empty one gives the bare names.
    """

    enabled: bool = True
    interval_ms: Annotated[int, Meta(ge=10, le=60_000)] = 250
    prefix: Annotated[str, Meta(max_length=64)] | None = None


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """Where nothing is said: JSON lines, and readable ones on a terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Liquidation(Struct, frozen=True, forbid_unknown_fields=True):
    """Margin ratios (maintenance / equity) at which something is done, and how much (D1, D6)."""

    margin_call: DecimalText = "0.50"
    tier1: DecimalText = "0.900"
    tier1_share: DecimalText = "0.30"
    tier2: DecimalText = "0.925"
    tier2_share: DecimalText = "0.50"
    tier3: DecimalText = "0.950"
    review_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    liquidation_fee: DecimalText = "0.005"
    max_tries: Annotated[int, Meta(ge=1, le=1_000)] = 3
    max_wait_ms: Annotated[int, Meta(ge=1, le=600_000)] = 2_000

    def __post_init__(self) -> None:
        """Refuse thresholds out of order and shares that are none."""
        for name in ("margin_call", "tier1", "tier1_share", "tier2", "tier2_share", "tier3"):
            check_ratio(name, getattr(self, name))
        if Decimal(self.liquidation_fee) != 0:
            check_ratio("liquidation_fee", self.liquidation_fee)
        ladder = [Decimal(t) for t in (self.margin_call, self.tier1, self.tier2, self.tier3)]
        if any(lower >= higher for lower, higher in pairwise(ladder)):
            raise ValueError(
                "margin_call: thresholds must rise, margin_call < tier1 < tier2 < tier3"
            )
        if Decimal(self.tier1_share) > Decimal(self.tier2_share):
            raise ValueError("tier1_share: must be at most tier2_share")


class Admission(Struct, frozen=True, forbid_unknown_fields=True):
    """The margin ratio from which on no order that adds risk is taken (rule C1, check 7)."""

    ratio: DecimalText = "0.80"

    def __post_init__(self) -> None:
        """Refuse a ratio outside 0 to 1."""
        check_ratio("ratio", self.ratio)


class Level(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A level of a breaker: a move halts for so long, or until an operator (E2)."""

    move: DecimalText
    halt_s: Annotated[int, Meta(ge=1, le=604_800)] | None = None


class Breaker(Level, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A level of an instrument's breaker, which may gather an auction meanwhile."""

    auction: bool = False


class MarketBreakers(Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `set_market_breakers`; without weights there are none."""

    weights: dict[Identifier, Annotated[int, Meta(ge=1, le=1_000_000)]] = {}
    levels: tuple[Level, ...] = ()


class Activity(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of `set_activity`; without any of the thresholds nothing is looked at."""

    order_rate: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    reject_rate: DecimalText = 0
    least_commands: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    price_impact: DecimalText = 0
    window_s: Annotated[int, Meta(ge=1, le=3_600)] = 10

    def __post_init__(self) -> None:
        """Refuse rates outside 0 to 1; 0 is off."""
        for name in ("reject_rate", "price_impact"):
            if Decimal(getattr(self, name)) != 0:
                check_ratio(name, getattr(self, name))


class Instrument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of `create_instrument`; what is absent takes the protocol's default."""

    symbol: Identifier
    tick_size: DecimalText
    lot_size: DecimalText
    asset_class: Identifier | None = None
    contract_size: DecimalText | None = None
    initial_margin: DecimalText | None = None
    maintenance_margin: DecimalText | None = None
    margin_brackets: tuple[Bracket, ...] | None = None
    max_leverage: DecimalText | None = None
    maker_fee: DecimalText | None = None
    taker_fee: DecimalText | None = None
    mode: Literal["book", "l1"] | None = None
    mark_source: Literal["l1_mid", "pushed", "last"] | None = None
    collar: DecimalText | None = None
    funding_cap: DecimalText | None = None
    price_band: DecimalText | None = None
    breakers: tuple[Breaker, ...] | None = None
    feed_stale_ms: Milliseconds | None = None
    feed_max_jump: DecimalText | None = None
    feed_max_spread: DecimalText | None = None
    session_end: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")] | None = None
    stop_already_reached: Literal["reject", "fire"] | None = None
    group: Identifier | None = None
    state: Literal["open", "halted", "closed", "auction"] | None = None


class FeeTier(Struct, frozen=True, forbid_unknown_fields=True):
    """A tier of `set_fee_tiers`, in order of volume; the first begins at 0."""

    name: Identifier
    volume: DecimalText
    maker_fee: DecimalText
    taker_fee: DecimalText


class Account(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of `create_account`."""

    account: Identifier
    leverage: DecimalText | None = None
    profile: Identifier | None = None
    fee_tier: Identifier | None = None
    stp_group: Identifier | None = None
    status: Identifier | None = None


class Deposit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of `deposit`; the transfer id is `genesis-<account>` where none is given."""

    account: Identifier
    amount: DecimalText
    transfer_id: Identifier | None = None


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the file can say."""

    shard: Identifier = "main"
    redis: Redis = Redis()
    postgres: Postgres = Postgres()
    engine: Engine = Engine()
    journal: Journal = Journal()
    snapshot: Snapshot = Snapshot()
    writer: Writer = Writer()
    mirror: Mirror = Mirror()
    log: Log = Log()
    liquidation: Liquidation = Liquidation()
    admission: Admission = Admission()
    instruments: tuple[Instrument, ...] = ()
    market_breakers: MarketBreakers = MarketBreakers()
    activity: Activity = Activity()
    fee_tiers: tuple[FeeTier, ...] = ()
    accounts: tuple[Account, ...] = ()
    deposits: tuple[Deposit, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sections that contradict each other."""
        if Decimal(self.admission.ratio) >= Decimal(self.liquidation.tier1):
            raise ValueError(
                "admission.ratio must lie below liquidation.tier1, "
                "or an order could be liquidated as it enters"
            )
        check_unique("instruments", "symbol", [each.symbol for each in self.instruments])
        check_unique("accounts", "account", [each.account for each in self.accounts])
        transfers = [transfer_id(each) for each in self.deposits]
        check_unique("deposits", "transfer_id", transfers)
        known = [each.account for each in self.accounts]
        for place, each in enumerate(self.deposits):
            if each.account not in known:
                raise ValueError(
                    f"deposits[{place}].account: no [[accounts]] table is named "
                    f"`{each.account}`{config_errors.suggestion(each.account, known)}"
                )


def load(path: Path | None) -> Config:
    """Read the configuration at `path`, or ./config.toml, or else take the built-in defaults.

    Files named in it are resolved against the directory of the file. Raises ConfigError naming the
    file, the key and the remedy.
    """
    if path is None:
        if not DEFAULT_FILE.is_file():
            return Config()
        path = DEFAULT_FILE
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; leave --config out to run on the built-in defaults"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not all that tomllib raises is its own
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {config_errors.explain(str(error), raw, Config)}") from error
    return _with_absolute_paths(config, path.resolve().parent)


def genesis_commands(config: Config) -> list[dict[str, object]]:
    """List the commands of the genesis frame: thresholds, instruments, accounts and the rest."""
    thresholds = {
        name: value if name in COUNTED else str(value)
        for name, value in msgspec.to_builtins(config.liquidation).items()
    }
    commands: list[dict[str, object]] = [
        {
            "type": "set_liquidation",
            **thresholds,
            "admission_ratio": str(config.admission.ratio),
        }
    ]
    commands += [_command("create_instrument", each) for each in config.instruments]
    if config.market_breakers.weights:
        commands.append(_command("set_market_breakers", config.market_breakers))
    if config.activity != Activity():
        commands.append(_command("set_activity", config.activity))
    if config.fee_tiers:
        tiers = [msgspec.to_builtins(each) for each in config.fee_tiers]
        commands.append({"type": "set_fee_tiers", "tiers": tiers})
    commands += [_command("create_account", each) for each in config.accounts]
    commands += [
        {**_command("deposit", each), "transfer_id": transfer_id(each)} for each in config.deposits
    ]
    return commands


def transfer_id(deposit: Deposit) -> str:
    """Name the deposit: as the file does, else after its account."""
    if deposit.transfer_id is not None:
        return deposit.transfer_id
    return f"genesis-{deposit.account}"


def restart_needed(running: Config, fresh: Config) -> list[str]:
    """List the keys that differ and cannot be changed while running, dotted and sorted."""
    before, after = _flat(msgspec.to_builtins(running)), _flat(msgspec.to_builtins(fresh))
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return sorted(changed - HOT_KEYS)


def _command(kind: str, fields: Struct) -> dict[str, object]:
    return {"type": kind, **msgspec.to_builtins(fields)}


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, object]:
    leaves: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= _flat(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def _with_absolute_paths(config: Config, directory: Path) -> Config:
    def absolute(name: str | None) -> str | None:
        return None if name is None else str(directory / Path(name).expanduser())

    def resolved(section: Redis | Postgres) -> Any:
        files = Credentials.__struct_fields__
        paths = {name: absolute(getattr(section, name)) for name in files}
        return msgspec.structs.replace(section, **paths)

    return msgspec.structs.replace(
        config, redis=resolved(config.redis), postgres=resolved(config.postgres)
    )
