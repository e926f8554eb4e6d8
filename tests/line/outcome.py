"""What a run left behind: everything that must be the same however often it was killed."""

from dataclasses import dataclass
from typing import Any

from engine.connections import Connections
from engine.machine import Machine
from engine.messages import Frame
from engine.replay import recover, replay_frame
from engine.snapshot import state_hash
from persistence.journal import JournalFrames
from persistence.snapshot_store import SnapshotStore

FILLS = """
    SELECT trade_id, liquidity, account_id, counter_account_id, order_id, client_order_id, symbol,
           side, quantity, price, fee, realized_pnl, position_after
    FROM pitboss.fills WHERE shard = $1 ORDER BY trade_id, liquidity
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Books in queue order, balances, positions, and the fills that Postgres holds."""

    books: dict[str, list[tuple[Any, ...]]]
    balances: dict[str, int]
    positions: dict[tuple[str, str], tuple[int, int]]
    fills: list[tuple[Any, ...]]


async def outcome(connections: Connections, shard: str) -> Outcome:
    """Read the outcome at the journal's top, from snapshot and journal as a restart would."""
    machine = await replica(connections, shard)
    return left_by(machine, await fills(connections, shard))


def left_by(machine: Machine, fills: list[tuple[Any, ...]]) -> Outcome:
    """Return what a machine holds, and these fills."""
    state = machine.kernel.state
    state.check()
    return Outcome(
        books={
            symbol: [
                (order.side, order.price_ticks, order.order_id, order.account_id, order.leaves_lots)
                for ladder in (market.book.bids, market.book.asks)
                for level in ladder
                for order in level
            ]
            for symbol, market in state.markets.items()
        },
        balances={name: account.balance_atoms for name, account in state.accounts.items()},
        positions={
            (name, symbol): (position.lots, position.cost_atoms)
            for name, account in state.accounts.items()
            for symbol, position in account.positions.items()
            if position.lots
        },
        fills=fills,
    )


def replayed(frames: list[Frame], hashes: dict[int, str]) -> Machine:
    """Play all frames again, believing no snapshot; `hashes` are of the living state, by frame."""
    machine = Machine()
    for frame in frames:
        replay_frame(machine, frame)
        if frame.n in hashes:
            assert state_hash(machine.kernel) == hashes[frame.n], f"frame {frame.n}"
    machine.kernel.check()
    return machine


async def live_hashes(connections: Connections, shard: str) -> dict[int, str]:
    """Return the hashes of the living state that snapshots hold, by frame."""
    link = await connections.redis()
    manifests = await SnapshotStore(link, shard).manifests()
    await link.close()
    return {each.frame: each.state_hash for each in manifests}


async def replica(connections: Connections, shard: str) -> Machine:
    """Recover the machine at the journal's top, comparing every event and hash on the way."""
    link = await connections.redis()
    try:
        source = JournalFrames(link, shard)
        top = await source.top()
        assert top is not None
        complaints: list[str] = []
        store = SnapshotStore(link, shard)
        machine, _ = await recover(shard, store, source, top.n, complaints.append)
        assert complaints == [], complaints
        return machine
    finally:
        await link.close()


async def fills(connections: Connections, shard: str) -> list[tuple[Any, ...]]:
    """Return the fills in Postgres without the columns that a kill may change."""
    database = await connections.postgres()
    try:
        return [tuple(row) for row in await database.fetch(FILLS, shard)]
    finally:
        await database.close()
