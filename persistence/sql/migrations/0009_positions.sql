-- The instruments as they last stood; `terms` is the event that said so. A deleted one keeps its row.
CREATE TABLE pitboss.instruments (
    shard         text        NOT NULL,
    symbol        text        NOT NULL,
    frame         bigint      NOT NULL CHECK (frame > 0),
    index         integer     NOT NULL CHECK (index >= 0),
    contract_size numeric     NOT NULL CHECK (contract_size > 0 AND contract_size < 'Infinity'),
    tick_size     numeric     NOT NULL CHECK (tick_size > 0 AND tick_size < 'Infinity'),
    lot_size      numeric     NOT NULL CHECK (lot_size > 0 AND lot_size < 'Infinity'),
    mode          text        NOT NULL,
    mark_source   text        NOT NULL,
    terms         jsonb       NOT NULL,
    is_deleted    boolean     NOT NULL,
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (shard, symbol)
);

-- One row is one position's life, from the fill that opened it until it was flat or turned round.
-- `id` is that of the opening fill in the view `trades`. What moves with every fill stands in no
-- index, so that an update stays within its page: `closed_frame` is there to be indexed.
CREATE TABLE pitboss.positions (
    id                text        PRIMARY KEY,
    shard             text        NOT NULL,
    sub_account_id    text        NOT NULL,
    symbol            text        NOT NULL,
    side              text        NOT NULL CHECK (side IN ('LONG', 'SHORT')),
    status            text        NOT NULL CHECK (status IN ('OPEN', 'CLOSED', 'LIQUIDATED', 'TAKEN_OVER')),
    -- Now, and 0 once it has ended.
    quantity          numeric     NOT NULL CHECK (quantity >= 0 AND quantity < 'Infinity'),
    cost              numeric     NOT NULL CHECK (cost >= 0 AND cost < 'Infinity'),
    max_quantity      numeric     NOT NULL CHECK (max_quantity > 0 AND max_quantity < 'Infinity'),
    -- As they last stood while it was open; a price below half of 1e-8 is shown as 0.
    entry_price       numeric     NOT NULL CHECK (entry_price >= 0 AND entry_price < 'Infinity'),
    notional          numeric     NOT NULL CHECK (notional > 0 AND notional < 'Infinity'),
    realized_pnl      numeric     NOT NULL CHECK (realized_pnl > '-Infinity' AND realized_pnl < 'Infinity'),
    fees              numeric     NOT NULL CHECK (fees > '-Infinity' AND fees < 'Infinity'),
    taken_over_by     text,
    opened_frame      bigint      NOT NULL CHECK (opened_frame > 0),
    opened_index      integer     NOT NULL CHECK (opened_index >= 0),
    opened_at         timestamptz NOT NULL,
    last_frame        bigint      NOT NULL CHECK (last_frame >= opened_frame),
    last_index        integer     NOT NULL CHECK (last_index >= 0),
    closed_frame      bigint               CHECK (closed_frame = last_frame),
    closed_at         timestamptz,
    -- From the engine's state and not from the journal: as last known, at frame `as_of_frame`.
    leverage          numeric              CHECK (leverage > 0 AND leverage < 'Infinity'),
    margin            numeric              CHECK (margin >= 0 AND margin < 'Infinity'),
    liquidation_price numeric              CHECK (liquidation_price > 0 AND liquidation_price < 'Infinity'),
    as_of_frame       bigint               CHECK (as_of_frame > 0),
    CHECK ((status = 'OPEN') = (quantity > 0)),
    CHECK ((status = 'OPEN') = (cost > 0)),
    CHECK ((status = 'OPEN') = (closed_frame IS NULL)),
    CHECK ((status = 'OPEN') = (closed_at IS NULL)),
    CHECK ((status = 'TAKEN_OVER') = (taken_over_by IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX positions_by_account ON pitboss.positions (sub_account_id, opened_at);
CREATE INDEX positions_open ON pitboss.positions (shard, sub_account_id, symbol) WHERE status = 'OPEN';
CREATE INDEX positions_ended ON pitboss.positions (shard, closed_frame) WHERE status <> 'OPEN';

-- Positions change with every fill, so they are written less often than fills are, and have a cursor
-- of their own that never passes the other. What was written before this table was has no lives.
ALTER TABLE pitboss.writer_cursor ADD COLUMN lives_frame bigint CHECK (lives_frame BETWEEN 0 AND frame);
ALTER TABLE pitboss.writer_cursor ADD COLUMN lives_hash text CHECK (lives_hash ~ '^[0-9a-f]{64}$');
UPDATE pitboss.writer_cursor SET lives_frame = frame, lives_hash = hash;
ALTER TABLE pitboss.writer_cursor ALTER COLUMN lives_frame SET NOT NULL;
ALTER TABLE pitboss.writer_cursor ALTER COLUMN lives_hash SET NOT NULL;

-- UPDATE too: these two say how something stands. Whatever is history can only be added to.
GRANT SELECT, INSERT, UPDATE ON pitboss.instruments, pitboss.positions TO pitboss_writer;

-- For programs that expect these names.
CREATE VIEW pitboss.virtual_positions AS
SELECT
    id,
    sub_account_id,
    symbol,
    side,
    entry_price,
    quantity,
    notional,
    leverage,
    margin,
    liquidation_price,
    status,
    realized_pnl,
    taken_over_by,
    opened_at,
    closed_at
FROM pitboss.positions;

-- As in 0008, and a slice of an account whose equity no longer covers its maintenance margin says so.
CREATE OR REPLACE VIEW pitboss.liquidations AS
SELECT
    concat_ws('-', shard, frame, index) AS id,
    account_id,
    CASE
        WHEN (receipt ->> 'maintenance_margin')::numeric >= (receipt ->> 'equity')::numeric
            THEN 'liquidation candidate: tier '
        ELSE 'liquidation tier '
    END || tier || ' on ' || symbol AS reason,
    at AS "timestamp"
FROM pitboss.liquidation_log
UNION ALL
SELECT
    concat_ws('-', shard, frame, index),
    account_id,
    CASE kind
        WHEN 'takeover' THEN 'takeover by the backstop on ' || symbol
        ELSE 'closed by deleveraging others on ' || symbol
    END,
    at
FROM pitboss.waterfall_log
WHERE kind IN ('takeover', 'deleveraged')
UNION ALL
SELECT
    concat_ws('-', shard, frame, index, 'counter'),
    counter_account_id,
    'deleveraged on ' || symbol,
    at
FROM pitboss.waterfall_log
WHERE kind = 'deleveraged';
