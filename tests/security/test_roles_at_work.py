"""The daemon and every command do their work under their own user of Redis, and under no other."""

import json
import signal
from pathlib import Path

from engine.connections import Endpoints
from tests.cli.program import Ended, pitboss
from tests.line.process import Make
from tests.line.words import MARKET, deposit, order
from tests.line.written import frames_of
from tests.security.conftest import SHARD
from tests.security.roles import GuardedValkey

BOOK_TICKER = {
    "stream": "x@bookTicker",
    "data": {"s": "X", "b": "99.9", "B": "1", "a": "100.1", "A": "1", "u": 1, "T": 1},
}


async def test_daemon_and_commands_work_under_their_own_roles(
    guarded: GuardedValkey, servers: Endpoints, make: Make, tmp_path: Path
) -> None:
    """Recover, trade, snapshot, trim, stop, read: Redis has refused nothing of it."""
    dsn = servers.postgres_dsn or ""
    secret = f'password_file = "{guarded.passwords["pitboss"]}"'
    daemon = make(SHARD, guarded.url_of("pitboss"), in_redis=secret, dsn=dsn)
    await guarded.forget()
    await daemon.start()

    def ask(role: str, *arguments: object, given: str = "") -> Ended:
        config = guarded.configure(role, SHARD, tmp_path, dsn)
        return pitboss(*arguments, "--config", config, "--state-dir", daemon.state_dir, given=given)

    def send(role: str, *commands: object) -> list[str]:
        lines = "".join(json.dumps(each) + "\n" for each in commands)
        ended = ask(role, "send", given=lines)
        assert ended.code == 0, ended.err
        return [each["type"] for each in ended.lines]

    assert "account_created" in send("pitboss-operator", *MARKET)
    recorded = tmp_path / "recorded"
    recorded.write_text(f"1700000000000000000 {json.dumps(BOOK_TICKER)}\n")
    fed = ask("pitboss-feed", "feed", recorded, "--format", "binance-raw", "--symbol", "X")
    assert fed.code == 0, fed.err
    assert "trade" in send("pitboss-gateway", order("a"), order("b", side="sell", account="bea"))
    taken = ask("pitboss-reader", "snapshot", "take", "--json")
    assert taken.code == 0, taken.err
    await daemon.until_said("snapshot taken")
    send("pitboss-gateway", order("c"))

    assert await daemon.stop() == 0, daemon.log
    await daemon.start()
    for command in (("tail",), ("state", "--json"), ("verify", "--json")):
        read = ask("pitboss-reader", *command)
        assert read.code == 0, (command, read.err, read.out)
    assert await daemon.stop() == 0, daemon.log
    assert await guarded.refused() == [["pitboss-feed", f"{{{SHARD}}}:admin"]], "its set-up"
    assert b"cmdstat_xtrim:" in await guarded.statistics(), "the streams were trimmed too"
    assert len(await frames_of(guarded.connections, SHARD)) > 5


def test_command_of_another_role_is_refused(guarded: GuardedValkey, tmp_path: Path) -> None:
    """A gateway creates no money and reads no snapshot; it is told which right it lacks."""
    config = guarded.configure("pitboss-gateway", SHARD, tmp_path)
    looked = pitboss("snapshot", "list", "--config", config)
    assert (looked.code, "NOPERM" in looked.err) == (78, True)
    ended = pitboss("send", "--config", config, given=json.dumps(deposit("more")))
    assert (ended.code, ended.out) == (66, "")
    assert "NOPERM" in ended.err


async def test_two_engines_take_turns_under_the_engines_role(
    guarded: GuardedValkey, make: Make
) -> None:
    """A standby follows, takes over and writes its snapshot; Redis refuses nothing of it."""
    secret = f'password_file = "{guarded.passwords["pitboss"]}"'
    first, second = [make(SHARD, guarded.url_of("pitboss"), in_redis=secret) for _ in range(2)]
    await guarded.forget()
    await first.start("--standby")
    second.spawn("--standby")
    await second.until_said("following")
    second.signal(signal.SIGUSR1)
    await second.until_said("snapshot taken")
    assert await first.stop() == 0, first.log
    await second.until_said("ready")
    assert await second.stop() == 0, second.log

    assert await guarded.refused() == []


async def test_daemon_that_is_not_let_in_says_so_and_is_not_restarted(
    guarded: GuardedValkey, make: Make, tmp_path: Path
) -> None:
    """Exit 78: a wrong password, none, or a user without rights is not mended by a restart."""
    right = guarded.passwords["pitboss-reader"]
    for url, secret, told in (
        (guarded.url_of("pitboss"), f'password_file = "{right}"', "WRONGPASS"),
        (f"unix://{guarded.socket}", "", "NOAUTH"),
        (guarded.url_of("pitboss-reader"), f'password_file = "{right}"', "NOPERM"),
    ):
        daemon = make(SHARD, url, in_redis=secret)
        daemon.spawn()
        assert await daemon.ended() == 78, daemon.log
        assert told in daemon.log
        assert "Traceback" not in daemon.log
