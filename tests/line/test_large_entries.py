"""What Redis acknowledged it also gives back, whatever the size of the entry."""

import pytest

from engine.messages import Frame
from persistence.journal import journal_key
from tests.line.valkey import OwnValkey
from tests.line.written import write


@pytest.mark.parametrize("more", [253_000, 1_301_576], ids=["350 KiB", "1.4 MiB"])
@pytest.mark.parametrize("way", ["live", "read back from its file"])
async def test_entry_that_ends_just_below_a_page_is_kept(
    own_valkey: OwnValkey, shard: str, way: str, more: int
) -> None:
    """Valkey 9.1.2 on glibc's allocator spoils 7 of 4,096 sizes of entries above 128 KiB.

    The entry reads as missing, as another one, or ends the server; its file has it whole.
    """
    await own_valkey.start()
    link = await own_valkey.connections.redis()
    frames = [
        Frame(n, 1_795_174_747_211_000 + n, b"x" * 97_000, b"y" * (more + size),
              b"c" * 52, b"1", b"h" * 32)
        for n, size in enumerate(range(2_030, 2_055), start=1)
    ]  # fmt: skip
    await write(link, shard, frames)
    if way != "live":
        await link.close()
        own_valkey.kill()
        await own_valkey.start()
        link = await own_valkey.connections.redis()

    for frame in frames:
        (entry,) = await link.call("XRANGE", journal_key(shard), f"{frame.n}-0", f"{frame.n}-0")
        assert entry[1][3] == frame.inputs
        assert entry[1][5] == frame.events
    await link.close()
