"""Every bound of the engine, in one place, with their relations asserted.

A bound that can change a result is part of the logic version: raise `LOGIC_VERSION` with it.
"""

from typing import Final

LOGIC_VERSION: Final = 2

PPM: Final = 1_000_000
"""Parts in a whole: every rate of the core is an integer of parts per million."""

PPB: Final = 1_000_000_000
"""Of funding and swap rates, which have more places."""

NEVER_US: Final = 2**62
"""A time that does not come."""

# What a client may send.
MAX_ENTRY_BYTES: Final = 64 * 1024
MAX_COMMANDS_PER_ENTRY: Final = 1_000
MAX_IDENTIFIER_LENGTH: Final = 64
MAX_TEXT_LENGTH: Final = 256
MAX_DECIMAL_LENGTH: Final = 40
MAX_INTEGER: Final = 2**53

# What an instrument, an order and an account may hold.
MAX_PRICE_TICKS: Final = 10**12
MAX_QUANTITY_LOTS: Final = 10**12
MAX_ATOMS_PER_TICK_LOT: Final = 10**12
MAX_TRANSFER_ATOMS: Final = 10**24
MAX_LEVERAGE: Final = 1_000
MAX_FEE_PPM: Final = 100_000
MAX_RATE: Final = 1_000
MAX_CARRY_DAYS: Final = 366
MAX_DIVIDEND: Final = 10**9
MAX_SPLIT: Final = 1_000
MAX_MARGIN_BRACKETS: Final = 20
MAX_FEE_TIERS: Final = 20
MAX_BREAKERS: Final = 10
MAX_HALT_S: Final = 7 * 24 * 3600
MAX_INDEX_SYMBOLS: Final = 100
MAX_INDEX_WEIGHT: Final = 1_000_000
DAY_US: Final = 24 * 3600 * 1_000_000
VOLUME_DAYS: Final = 30
MAX_BRACKET_ATOMS: Final = 9 * 10**18
MAX_INSTRUMENTS: Final = 10_000
MAX_TICK_SOURCES: Final = 64
MAX_ACCOUNTS: Final = 1_000_000
MAX_OPEN_ORDERS_PER_ACCOUNT: Final = 200_000
MAX_SWITCHES: Final = 10_000
MIN_HEARTBEAT_MS: Final = 1_000
MAX_HEARTBEAT_MS: Final = 86_400_000
MAX_ACTIVITY: Final = 1_000_000
MAX_ACTIVITY_WINDOW_S: Final = 3_600
MAX_INGRESS_STREAMS: Final = 256

# What one command may cause.
MAX_SWEEP_MAKERS: Final = 10_000
MASS_CANCELS_PER_FRAME: Final = 5_000
UNCROSS_EVENTS_PER_FRAME: Final = 5_000
PAYMENTS_PER_FRAME: Final = 5_000
REVIEW_EVENTS_PER_FRAME: Final = 1_000
FLATTEN_EVENTS_PER_FRAME: Final = 5_000
FLATTEN_RETRY_US: Final = 1_000_000
WINDOW_TURNS_PER_FRAME: Final = 20_000
MAX_REHEARSED: Final = 10_000
MAX_NAMED: Final = 1_000
MAX_CASCADE: Final = 10_000
MAX_CASCADE_PER_FRAME: Final = 1_000
MAX_GROUP_MEMBERS: Final = 10
MAX_ENTRY_ID_LENGTH: Final = 58
MAX_TAKE_PROFITS: Final = 10
MAX_CHILDREN_PER_FRAME: Final = 1_000
MAX_DELEVERAGED: Final = 1_000
MAX_REVIEW_WAIT_US: Final = 64_000_000
MAX_ORDERS_RESTATED: Final = 10_000

# The window of client order ids (rule A10).
ID_WINDOW: Final = 1_000_000
ID_WINDOW_MAX: Final = 4_000_000
ID_WINDOW_AGE_US: Final = 24 * 3600 * 1_000_000

# What a frame, the ring and a snapshot may hold.
MAX_FRAME_INPUT_BYTES: Final = 1024 * 1024
MAX_FRAME_EVENTS: Final = 10_000
RING_FRAMES: Final = 4_096
RING_BYTES: Final = 256 * 1024 * 1024
SNAPSHOT_CHUNK_BYTES: Final = 256 * 1024
MAX_CLOCK_STEP_US: Final = 5_000_000
MAX_POISON_PER_HOUR: Final = 3

assert MAX_ENTRY_BYTES * 2 <= MAX_FRAME_INPUT_BYTES, "one entry must always fit a frame"
assert MASS_CANCELS_PER_FRAME <= MAX_FRAME_EVENTS
assert UNCROSS_EVENTS_PER_FRAME <= MAX_FRAME_EVENTS
assert FLATTEN_EVENTS_PER_FRAME <= MAX_FRAME_EVENTS
assert PAYMENTS_PER_FRAME < MAX_FRAME_EVENTS
assert REVIEW_EVENTS_PER_FRAME + MASS_CANCELS_PER_FRAME < MAX_FRAME_EVENTS, "one more case fits"
assert MAX_SWEEP_MAKERS <= MAX_FRAME_EVENTS
assert MAX_ORDERS_RESTATED <= MAX_FRAME_EVENTS
assert MAX_DIVIDEND * PPB < 2**63, "a snapshot writes it as an integer"
assert MAX_BRACKET_ATOMS < 2**63, "a snapshot writes it as an integer"
assert ID_WINDOW <= ID_WINDOW_MAX
