"""`config.toml`: read exactly, refused helpfully."""

from pathlib import Path

import msgspec
import pytest

from engine import config
from engine.config import Config, ConfigError, genesis_commands, load, restart_needed

SHIPPED = Path(__file__).parents[2] / "config.toml"

ACCOUNTS = '[[accounts]]\naccount = "alice"\n[[accounts]]\naccount = "bob"\n'


def _written(directory: Path, text: str) -> Path:
    path = directory / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _refusal(directory: Path, text: str) -> str:
    path = _written(directory, text)
    with pytest.raises(ConfigError) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: "), "the file is named first"
    return message.removeprefix(f"{path}: ")


def test_shipped_file_shows_the_built_in_defaults() -> None:
    """A reader may trust the values behind the `#`: a file of comments and the defaults agree."""
    shipped = load(SHIPPED)
    without = Config(
        instruments=shipped.instruments,
        market_breakers=shipped.market_breakers,
        activity=shipped.activity,
    )
    assert restart_needed(without, shipped) == []
    assert [each.symbol for each in shipped.instruments] == ["BTC-PERP"]


def test_commented_defaults_are_the_true_ones(tmp_path: Path) -> None:
    """Taking the `# ` from a documented default changes nothing."""
    lines = []
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        key = line.removeprefix("# ").partition(" = ")[0]
        documented = key.isidentifier() and key not in {"url", "dsn", "prefix"}
        of_a_section = documented and key not in {"account", "leverage", "amount"}
        of_a_section = of_a_section and not key.endswith("_file")
        lines.append(line.removeprefix("# ") if line.startswith("# ") and of_a_section else line)
    text = "\n".join(lines)
    assert "\nring_frames = 4_096" in text
    assert load(_written(tmp_path, text)) == load(SHIPPED)


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pitboss run` in an empty directory is a complete engine without instruments."""
    monkeypatch.chdir(tmp_path)
    assert load(None) == Config()
    _written(tmp_path, 'shard = "paper"')
    assert load(None).shard == "paper"


def test_named_file_must_exist(tmp_path: Path) -> None:
    """A mistyped --config must not run on the defaults in silence."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file; leave --config out"):
        load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[journl]", "journl: no such key; did you mean `journal`?"),
        (
            "[journal]\nring_frame = 1",
            "journal.ring_frame: no such key; did you mean `ring_frames`?",
        ),
        (
            "[snapshot]\nxyz = 1",
            "snapshot.xyz: no such key; known here: interval_s, keep",
        ),
        (
            '[[instruments]]\nsymbol = "A"\ntick_size = 0.5\nlot_size = 1',
            'instruments[0].tick_size: decimals are written as strings: "0.5", not 0.5',
        ),
        (
            '[[instruments]]\nsymbol = "A"\ntick_size = 1\nlot_size = 1\ncollar = 0.05',
            'instruments[0].collar: decimals are written as strings: "0.05", not 0.05',
        ),
        ("[admission]\nratio = nan", "admission.ratio: decimals are written as strings"),
        (
            '[[instruments]]\nsymbol = "A"\ntick_size = "1e3"\nlot_size = 1',
            'instruments[0].tick_size: expected a decimal such as "0.05", is `1e3`',
        ),
        ('[[instruments]]\nsymbol = "A"\ntick_size = 1', "instruments[0].lot_size: required"),
        ("shard = 'a b'", "shard: expected 1 to 64 of A-Z a-z 0-9 . _ -, is `a b`"),
        ('shard = "a\\n"', "shard: expected 1 to 64 of"),
        ("[journal]\nbatch_commands = 0", "journal.batch_commands: must be at least 1, is 0"),
        ("[snapshot]\nkeep = 101", "snapshot.keep: must be at most 100, is 101"),
        ("[snapshot]\nkeep = true", "snapshot.keep: expected `int`, got `bool`"),
        ("[log]\nlevel = 'inof'", "log.level: `inof` is none of debug, info, warning, error; did"),
        ("[liquidation]\ntier1 = '0.93'", "liquidation.margin_call: thresholds must rise"),
        ("[liquidation]\ntier1_share = '0.6'", "liquidation.tier1_share: must be at most tier2"),
        ("[liquidation]\ntier1_share = 2", "liquidation.tier1_share: must lie above 0"),
        ("[liquidation]\ntier1_share = '0.1234567'", "liquidation.tier1_share: takes at most six"),
        ("[admission]\nratio = '0.9'", "admission.ratio must lie below liquidation.tier1"),
        ("[redis]\nurl = 'http://x'", "redis.url: must begin with redis:// or rediss:// or unix"),
        (f'{ACCOUNTS}account = "alice"', "not valid TOML"),
        (f'{ACCOUNTS}[[accounts]]\naccount = "bob"', "accounts[2].account: `bob` is taken by"),
        (
            f'{ACCOUNTS}[[deposits]]\naccount = "alise"\namount = 1',
            "deposits[0].account: no [[accounts]] table is named `alise`; did you mean `alice`?",
        ),
        (
            f"{ACCOUNTS}" + '[[deposits]]\naccount = "bob"\namount = 1\n' * 2,
            "deposits[1].transfer_id: `genesis-bob` is taken by deposits[0]",
        ),
    ],
)
def test_refusal_names_the_key_and_the_remedy(tmp_path: Path, text: str, message: str) -> None:
    """Whoever edits the file sees at once where and what to write instead."""
    assert _refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    "section",
    [
        '[redis]\nurl = "redis://u:hunter2@host"',
        '[postgres]\ndsn = "postgresql://u:hunter2@host/db"',
        '[postgres]\ndsn = "postgresql://u@host/db?password=hunter2"',
    ],
)
def test_password_is_refused_and_not_repeated(tmp_path: Path, section: str) -> None:
    """A configuration file is copied, logged and shown; a secret has a file of its own."""
    message = _refusal(tmp_path, section)
    assert "name a file in `password_file`" in message
    assert "hunter2" not in message


def test_password_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    """The daemon's working directory must not decide which secret is read."""
    path = _written(tmp_path, '[redis]\nurl = "redis://h"\npassword_file = "redis.password"')
    assert load(path).redis.password_file == str(tmp_path.resolve() / "redis.password")


def test_genesis_is_thresholds_then_instruments_accounts_and_money(tmp_path: Path) -> None:
    """A deposit needs its account, so the order of the genesis commands is part of the contract."""
    text = (
        '[[deposits]]\naccount = "bob"\namount = "12.5"\n'
        '[[instruments]]\nsymbol = "A"\ntick_size = "0.5"\nlot_size = 1\nmax_leverage = 3\n'
        + ACCOUNTS
    )
    assert genesis_commands(load(_written(tmp_path, text))) == [
        {
            "type": "set_liquidation",
            "margin_call": "0.50",
            "tier1": "0.900",
            "tier1_share": "0.30",
            "tier2": "0.925",
            "tier2_share": "0.50",
            "tier3": "0.950",
            "review_ms": 250,
            "liquidation_fee": "0.005",
            "max_tries": 3,
            "max_wait_ms": 2000,
            "admission_ratio": "0.80",
        },
        {
            "type": "create_instrument",
            "symbol": "A",
            "tick_size": "0.5",
            "lot_size": 1,
            "max_leverage": 3,
        },
        {"type": "create_account", "account": "alice"},
        {"type": "create_account", "account": "bob"},
        {
            "type": "deposit",
            "account": "bob",
            "amount": "12.5",
            "transfer_id": "genesis-bob",
        },
    ]


def test_reload_takes_only_what_cannot_change_a_result(tmp_path: Path) -> None:
    """SIGHUP must never make two replays of one journal differ."""
    running = load(SHIPPED)
    hot = '[log]\nlevel = "debug"\n[snapshot]\ninterval_s = 9\nkeep = 4\n[admission]\nratio = "0.7"'
    fresh = load(_written(tmp_path, hot))
    assert restart_needed(running, fresh) == [
        *("activity.order_rate", "activity.price_impact", "activity.reject_rate"),
        *("admission.ratio", "instruments"),
        *("market_breakers.levels", "market_breakers.weights.BTC-PERP", "snapshot.keep"),
    ]


def test_hot_keys_exist() -> None:
    """A renamed key must not quietly become one that needs a restart."""
    known = config._flat(msgspec.to_builtins(Config()))
    assert known.keys() >= config.HOT_KEYS


def test_fee_tiers_are_set_before_accounts_name_them(tmp_path: Path) -> None:
    """An account of the file may be fixed to a tier of the file (B5)."""
    config = load(
        _written(
            tmp_path,
            """
            [[fee_tiers]]
            name = "gold"
            volume = 0
            maker_fee = "-0.0001"
            taker_fee = "0.0004"

            [[accounts]]
            account = "ann"
            fee_tier = "gold"
            """,
        )
    )
    assert [each["type"] for each in genesis_commands(config)] == [
        "set_liquidation",
        "set_fee_tiers",
        "create_account",
    ]


def test_breakers_of_the_market_come_when_its_instruments_are_there(tmp_path: Path) -> None:
    """The index names them; what is absent of a level stays absent (E2)."""
    text = """
        market_breakers = { weights = { A = 2 }, levels = [{ move = "0.07" }] }
        [[instruments]]
        symbol = "A"
        tick_size = 1
        lot_size = 1
        breakers = [{ move = "0.05", halt_s = 60 }, { move = "0.1", halt_s = 9, auction = true }]
        """

    _, instrument, breakers = genesis_commands(load(_written(tmp_path, text)))

    assert instrument["breakers"] == (
        {"move": "0.05", "halt_s": 60},
        {"move": "0.1", "halt_s": 9, "auction": True},
    )
    assert breakers == {
        "type": "set_market_breakers",
        "weights": {"A": 2},
        "levels": ({"move": "0.07"},),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("market_breakers = { weights = { A = 0 } }", "market_breakers.weights"),
        ('market_breakers = { levels = [{ move = "0.1", auction = true }] }', "auction"),
        ('market_breakers = { levels = [{ move = "0.1", halt_s = 0 }] }', "halt_s"),
    ],
)
def test_breakers_that_cannot_be_are_refused(tmp_path: Path, text: str, told: str) -> None:
    """Before the first frame, naming the key (E2)."""
    assert told in _refusal(tmp_path, text)


def test_shipped_breakers_are_those_of_the_rule() -> None:
    """5, 10 and 20 per cent of an instrument, 7, 13 and 20 of the market (E2)."""
    shipped = load(SHIPPED)
    levels = shipped.instruments[0].breakers
    assert levels is not None
    assert [(str(e.move), e.halt_s, e.auction) for e in levels] == [
        ("0.05", 60, False),
        ("0.10", 300, True),
        ("0.20", None, False),
    ]
    assert [(str(each.move), each.halt_s) for each in shipped.market_breakers.levels] == [
        ("0.07", 900),
        ("0.13", 900),
        ("0.20", None),
    ]


def test_activity_is_looked_at_only_where_the_file_says_so(tmp_path: Path) -> None:
    """Thresholds become a command of the first frame; a rate beyond 1 is none (E7)."""
    text = '[activity]\norder_rate = 9\nprice_impact = "0.02"\n'
    commands = genesis_commands(load(_written(tmp_path, text)))
    assert commands[1:] == [{"type": "set_activity", "order_rate": 9, "price_impact": "0.02"}]
    assert len(genesis_commands(Config())) == 1
    refused = _refusal(tmp_path, '[activity]\nreject_rate = "1.5"\n')
    assert "activity.reject_rate" in refused
