-- One row an aggressive execution: what one order took at one go, against what it found. `quantity`
-- is what it still wanted when it first traded. Slippage is in basis points, above zero where the
-- average was worse. The key is the place of the first trade.
CREATE TABLE pitboss.execution_log (
    shard              text        NOT NULL,
    frame              bigint      NOT NULL CHECK (frame > 0),
    index              integer     NOT NULL CHECK (index >= 0),
    account_id         text        NOT NULL,
    order_id           bigint      NOT NULL CHECK (order_id > 0),
    client_order_id    text        NOT NULL,
    symbol             text        NOT NULL,
    order_type         text        NOT NULL,
    side               text        NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity           numeric     NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
    filled             numeric     NOT NULL CHECK (filled > 0 AND filled <= quantity),
    average_price      numeric     NOT NULL CHECK (average_price >= 0 AND average_price < 'Infinity'),
    arrival_touch      numeric     NOT NULL CHECK (arrival_touch > 0 AND arrival_touch < 'Infinity'),
    arrival_mark       numeric              CHECK (arrival_mark > 0 AND arrival_mark < 'Infinity'),
    slippage_touch_bps numeric     NOT NULL
        CHECK (slippage_touch_bps > '-Infinity' AND slippage_touch_bps < 'Infinity'),
    slippage_mark_bps  numeric
        CHECK (slippage_mark_bps > '-Infinity' AND slippage_mark_bps < 'Infinity'),
    fee                numeric     NOT NULL CHECK (fee > '-Infinity' AND fee < 'Infinity'),
    makers             integer     NOT NULL CHECK (makers > 0),
    filled_by_house    numeric     NOT NULL CHECK (filled_by_house >= 0 AND filled_by_house <= filled),
    at                 timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index),
    CHECK ((arrival_mark IS NULL) = (slippage_mark_bps IS NULL))
);

CREATE INDEX execution_log_by_account ON pitboss.execution_log (account_id, at);
CREATE INDEX execution_log_by_time ON pitboss.execution_log (at);

GRANT SELECT, INSERT ON pitboss.execution_log TO pitboss_writer;
