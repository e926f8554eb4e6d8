"""One pass over the journal: chain, events, money, receipts, snapshots."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from engine.cli.verify_before import held_before
from engine.cli.verify_check import Check
from engine.cli.verify_receipts import ReceiptAuditor
from engine.codec import VERSION, CorruptFrame, check_hash, decode_cursors, genesis_hash
from engine.limits import LOGIC_VERSION
from engine.machine import Machine
from engine.ports import JournalDamaged
from engine.replay import Diverged, OtherRelease, replay_frame, restore_snapshot
from engine.snapshot import FORMAT, CorruptSnapshot, state_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.messages import Frame
    from engine.ports import Manifest
    from persistence.journal import JournalFrames
    from persistence.snapshot_store import SnapshotStore
    from persistence.verify_positions import Before

_FULL_CHECKS: Final = 50
"""So often every invariant is asserted on the way; the ledger is after every command anyway."""


class Walk:
    """Reads every frame once and puts it to every check. A check that fails stops alone."""

    def __init__(
        self, source: JournalFrames, snapshots: SnapshotStore, shard: str, span: tuple[Frame, Frame]
    ) -> None:
        self.chain = Check("chain")
        self.events = Check("events")
        self.money = Check("money")
        self.receipts = Check("receipts")
        self.snapshots = Check("snapshots")
        self.trades = 0
        self.before: Before | None = None
        self._source = source
        self._store = snapshots
        self._shard = shard
        self._first, self._top = span
        self._manifests: dict[int, list[Manifest]] = {}
        self._machine: Machine | None = None
        self._auditor: ReceiptAuditor | None = None
        self._replayed = 0
        self._start = 0
        self._money_checks = 0
        self._compared: list[int] = []

    @property
    def checks(self) -> list[Check]:
        """The checks of this pass, in the order in which they are told."""
        return [self.chain, self.events, self.money, self.receipts, self.snapshots]

    async def go(self, moved: Callable[[int], None]) -> None:
        """Walk from the oldest frame to the top; `moved` hears the frame reached."""
        await self._read_manifests()
        await self._begin()
        parent = genesis_hash(self._shard) if self._first.n == 1 else None
        try:
            async for frame in self._source.frames(self._first.n - 1, self._top.n):
                self._check_chain(frame, parent)
                parent = frame.hash
                self.trades += frame.events.count(b'{"type":"trade"')
                if self._machine is not None and frame.n > self._start:
                    self._replay(self._machine, frame)
                moved(frame.n)
        except (CorruptFrame, JournalDamaged) as damage:
            self.chain.fail(str(damage), damage=True)
        self._conclude()

    # The start

    async def _read_manifests(self) -> None:
        """Prove every snapshot's chunks by their digests, and their sum by the state hash."""
        manifests = await self._store.manifests()
        for name in self._store.damaged:
            self.snapshots.fail(f"the manifest of the snapshot {name} is damaged", damage=True)
        for manifest in manifests:
            if manifest.version > LOGIC_VERSION or manifest.frame > self._top.n:
                continue
            try:
                chunks = await self._store.chunks(manifest)
            except CorruptSnapshot as error:
                if manifest in await self._store.manifests():  # else deleted for a newer one
                    self.snapshots.fail(str(error), damage=True)
                continue
            if blake2b(b"".join(chunks), digest_size=32).hexdigest() != manifest.state_hash:
                self.snapshots.fail(
                    f"the chunks of the snapshot at frame {manifest.frame} do not hash to the "
                    "state hash in its manifest",
                    damage=True,
                )
                continue
            self._manifests.setdefault(manifest.frame, []).append(manifest)

    async def _begin(self) -> None:
        """Begin before frame 1, else at the oldest snapshot that this version goes on from."""
        if self._first.n == 1 and self._first.version == VERSION:
            self._begin_at(Machine(), 0)
            return
        for frame in sorted(self._manifests):
            if frame < self._first.n - 1 or not await self._goes_on_from(frame):
                continue
            for manifest in self._manifests[frame]:
                try:
                    machine, _ = await restore_snapshot(self._store, manifest)
                except CorruptSnapshot as error:
                    self.snapshots.fail(str(error), damage=True)
                    continue
                hashed = state_hash(machine.kernel, manifest.version)
                if hashed != manifest.state_hash and manifest.format == FORMAT:
                    told = f"the snapshot at frame {frame} restores to another state than its own"
                    self.snapshots.fail(told)
                self._begin_at(machine, frame)
                return
        self.events.fail(
            f"the journal begins at frame {self._first.n}, and there is no snapshot of logic "
            f"version {LOGIC_VERSION} to replay from: take one with `pitboss snapshot take`"
        )

    async def _goes_on_from(self, frame: int) -> bool:
        """Tell whether what follows a snapshot is of this version; an older one handed it over."""
        following = await self._source.get(frame + 1)
        return following is None or following.version == VERSION

    def _begin_at(self, machine: Machine, frame: int) -> None:
        self._machine = machine
        self._start = self._replayed = frame
        self.before = held_before(machine.kernel.state, frame)
        self._auditor = ReceiptAuditor(machine.kernel.state)
        machine.kernel.check()
        self._money_checks = 1

    # Every frame

    def _check_chain(self, frame: Frame, parent: bytes | None) -> None:
        if parent is None:
            return  # what came before the oldest frame kept cannot be asked any more
        try:
            check_hash(frame, parent)
        except CorruptFrame as error:
            self.chain.fail(str(error), damage=True)

    def _replay(self, machine: Machine, frame: Frame) -> None:
        """Apply a frame and compare; from the first difference on nothing is replayed."""
        try:
            replay_frame(machine, frame)
        except (Diverged, OtherRelease) as difference:
            self.events.fail(str(difference))
            self._machine = None
            return
        except Exception as error:  # a damaged frame may raise anything in the decoders
            self.events.fail(f"frame {frame.n} cannot be replayed: {error!r}")
            self._machine = None
            return
        self._replayed = frame.n
        assert self._auditor is not None
        for problem in self._auditor.observe(frame):
            self.receipts.fail(problem)
        every = max(1, (self._top.n - self._start) // _FULL_CHECKS)
        if frame.n % every == 0 or frame.n == self._top.n:
            self._check_money(machine, frame)
        for manifest in self._manifests.get(frame.n, ()):
            self._compare_snapshot(machine, frame, manifest)

    def _check_money(self, machine: Machine, frame: Frame) -> None:
        self._money_checks += 1
        try:
            machine.kernel.check()
        except AssertionError as error:
            self.money.fail(f"after frame {frame.n}: {error!r}")

    def _compare_snapshot(self, machine: Machine, frame: Frame, manifest: Manifest) -> None:
        self._compared.append(frame.n)
        if manifest.state_hash != state_hash(machine.kernel):
            self.snapshots.fail(f"the snapshot at frame {frame.n} is not the replayed state")
        if manifest.frame_hash != frame.hash.hex():
            self.snapshots.fail(f"the snapshot at frame {frame.n} is of another journal")
        if manifest.cursors != decode_cursors(frame.cursors):
            self.snapshots.fail(f"the snapshot at frame {frame.n} has other cursors")

    # The end

    def _conclude(self) -> None:
        first, top = self._first.n, self._top.n
        replayed = f"frames {self._start + 1} to {self._replayed}"
        nothing = self._replayed == self._start
        self.chain.text = f"frames {first} to {top}, dense and each hash from the one before"
        self.events.text = (
            f"nothing after the snapshot at frame {self._start}"
            if nothing
            else f"{replayed} replayed, every event as recorded"
        )
        self.money.text = f"every account, order and total adds up at {self._money_checks} frames"
        if self._auditor is not None:
            self.receipts.text = (
                f"{self._auditor.liquidations} liquidations and {self._auditor.margin_calls} "
                f"margin calls recomputed, {self._auditor.waterfall_actions} takeovers, "
                "deleveragings and deficits"
            )
        kept = ", ".join(str(n) for n in sorted(self._manifests)) or "none"
        self.snapshots.text = (
            f"kept at frames: {kept}; {len(self._compared)} compared with the replayed state"
        )
