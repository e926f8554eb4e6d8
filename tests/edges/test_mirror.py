"""The state mirror shows what changed, removes what was closed, and never hurts the engine."""

import json
from typing import Any

import pytest

from engine.connections import Connections, RedisLink
from persistence import mirror as module
from persistence.mirror import AccountView, MirrorUpdate, PositionView, StateMirror
from tests.edges.tape import running, until

LONG = PositionView("p1", "BTC-PERP", "0.5", "100.25", "10", "5")
SHORT = PositionView("p2", "ETH-PERP", "-2", "50", "20", "5")


class Source:
    """Hands out updates one by one, and then empty ones."""

    def __init__(self, *updates: MirrorUpdate) -> None:
        self.updates = list(updates)
        self.taken = 0
        self.frame = 0

    def take(self) -> MirrorUpdate:
        """Return the next update."""
        self.taken += 1
        update = self.updates.pop(0) if self.updates else MirrorUpdate(self.frame)
        self.frame = update.frame
        return update


async def test_account_is_shown_under_the_names_others_read(
    connections: Connections, link: RedisLink, shard: str
) -> None:
    """The names are those of protocol §5; each value is a decimal string or JSON of them."""
    update = MirrorUpdate(7, [_account(LONG, SHORT)], {"BTC-PERP": "100.5"})
    await _mirror(connections, shard, Source(update))
    shown = {
        name: await link.call("GET", f"{{{shard}}}:{name}")
        for name in (
            "account:a1:balance",
            "account:a1:equity",
            "account:a1:used_margin",
            "account:a1:mark_frame",
            "mark_price:BTC-PERP",
        )
    }
    assert list(shown.values()) == [b"1000", b"1010.5", b"30", b"7", b"100.5"]
    positions = await link.call("HGETALL", f"{{{shard}}}:positions:a1")
    assert _decoded(positions) == {
        "BTC-PERP": {"quantity": "0.5", "avg_price": "100.25"},
        "ETH-PERP": {"quantity": "-2", "avg_price": "50"},
    }
    snapshot = json.loads(await link.call("GET", f"{{{shard}}}:account:a1:snapshot"))
    assert (snapshot["balance"], snapshot["marginUsed"]) == ("1000", "30")
    assert snapshot["availableMargin"] == "980.5"
    assert [(each["side"], each["quantity"]) for each in snapshot["positions"]] == [
        ("LONG", "0.5"),
        ("SHORT", "2"),
    ]
    assert set(snapshot["positions"][0]) == {
        *("id", "symbol", "side", "entryPrice", "quantity", "margin", "leverage"),
    }


async def test_empty_prefix_gives_the_bare_names(connections: Connections, shard: str) -> None:
    """Programs written for other engines look for `account:<id>:balance`."""
    link = await connections.redis()
    source = Source(MirrorUpdate(1, [AccountView(shard, "5", "5", "0", "5")]))
    mirror = StateMirror(connections, source.take, "", interval_seconds=0.01)
    async with running(mirror) as task:
        await until(lambda: mirror.mirrored_frame == 1, task)
    assert await link.call("GET", f"account:{shard}:balance") == b"5"
    await link.close()


async def test_closed_position_disappears_also_one_of_an_earlier_run(
    connections: Connections, link: RedisLink, shard: str
) -> None:
    """Whoever sums up the hash must not count what is gone."""
    await _mirror(connections, shard, Source(MirrorUpdate(1, [_account(LONG, SHORT)])))
    await _mirror(connections, shard, Source(MirrorUpdate(2, [_account(SHORT)])))
    positions = await link.call("HGETALL", f"{{{shard}}}:positions:a1")
    assert list(_decoded(positions)) == ["ETH-PERP"]
    await _mirror(
        connections,
        shard,
        Source(MirrorUpdate(3, [_account(LONG)]), MirrorUpdate(4, [_account()])),
    )
    assert await link.call("EXISTS", f"{{{shard}}}:positions:a1") == 0


async def test_update_that_failed_is_written_later_in_its_newest_form(
    connections: Connections, link: RedisLink, shard: str
) -> None:
    """What was taken from the engine is not offered again, so it must not be dropped here."""
    source = Source(MirrorUpdate(1, [AccountView("a1", "1", "1", "0", "1")]))
    mirror = StateMirror(connections, source.take, f"{{{shard}}}:", interval_seconds=0.01)
    async with running(mirror) as task:
        await until(lambda: mirror.mirrored_frame == 1, task)
        await link.call("SET", f"{{{shard}}}:positions:a1", "in the way")
        source.updates.append(MirrorUpdate(2, [_account(LONG)], {"BTC-PERP": "1"}))
        source.updates.append(MirrorUpdate(3, [], {"BTC-PERP": "2"}))
        await until(lambda: mirror.state.startswith("waiting: WRONGTYPE"), task)
        await link.call("DEL", f"{{{shard}}}:positions:a1")
        await until(lambda: mirror.mirrored_frame == 3, task)
    assert await link.call("HEXISTS", f"{{{shard}}}:positions:a1", "BTC-PERP") == 1
    assert await link.call("GET", f"{{{shard}}}:account:a1:balance") == b"1000"
    assert await link.call("GET", f"{{{shard}}}:mark_price:BTC-PERP") == b"2"


async def test_lost_link_is_opened_again(
    connections: Connections, link: RedisLink, shard: str
) -> None:
    """The engine does not notice."""
    source = Source(MirrorUpdate(1))
    mirror = StateMirror(connections, source.take, f"{{{shard}}}:", interval_seconds=0.01)
    async with running(mirror) as task:
        await until(lambda: mirror.mirrored_frame == 1, task)
        await link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        source.updates.append(MirrorUpdate(2, [_account(LONG)]))
        await until(lambda: mirror.state.startswith("waiting: Redis"), task)
        await until(lambda: mirror.mirrored_frame == 2, task)
    assert await link.call("GET", f"{{{shard}}}:account:a1:balance") == b"1000"


async def test_large_update_goes_in_several_writes(
    connections: Connections, link: RedisLink, shard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One long pipeline would hold up the journal's next append."""
    monkeypatch.setattr(module, "_COMMANDS_PER_WRITE", 9)
    views = [AccountView(f"a{number}", "1", "1", "0", "1", [LONG]) for number in range(20)]
    source = Source(MirrorUpdate(1, views, {f"S{number}": "1" for number in range(20)}))
    await _mirror(connections, shard, source)
    assert len(await link.call("KEYS", f"{{{shard}}}:account:*:balance")) == 20
    assert len(await link.call("KEYS", f"{{{shard}}}:mark_price:*")) == 20


async def _mirror(connections: Connections, shard: str, source: Source) -> None:
    mirror = StateMirror(connections, source.take, f"{{{shard}}}:", interval_seconds=0.01)
    async with running(mirror) as task:
        await until(lambda: not source.updates and mirror.mirrored_frame == source.frame, task)


def _account(*positions: PositionView) -> AccountView:
    return AccountView("a1", "1000", "1010.5", "30", "980.5", positions)


def _decoded(fields: list[bytes]) -> dict[str, Any]:
    return {
        name.decode(): json.loads(value)
        for name, value in zip(fields[::2], fields[1::2], strict=True)
    }
