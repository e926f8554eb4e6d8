-- What became of lots that a liquidation could not sell, and of money that was missing. `side` is that
-- of the account's closing; a deficit has an amount and no quantity, the other two the reverse.
CREATE TABLE pitboss.waterfall_log (
    shard                text        NOT NULL,
    frame                bigint      NOT NULL CHECK (frame > 0),
    index                integer     NOT NULL CHECK (index >= 0),
    kind                 text        NOT NULL CHECK (kind IN ('takeover', 'deleveraged', 'deficit')),
    account_id           text        NOT NULL,
    counter_account_id   text,
    symbol               text,
    side                 text                 CHECK (side IN ('buy', 'sell')),
    quantity             numeric              CHECK (quantity > 0 AND quantity < 'Infinity'),
    price                numeric              CHECK (price > 0 AND price < 'Infinity'),
    realized_pnl         numeric              CHECK (realized_pnl > '-Infinity' AND realized_pnl < 'Infinity'),
    counter_realized_pnl numeric              CHECK (counter_realized_pnl > '-Infinity' AND counter_realized_pnl < 'Infinity'),
    amount               numeric              CHECK (amount > 0 AND amount < 'Infinity'),
    receipt              jsonb       NOT NULL,
    at                   timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index),
    CHECK ((kind = 'deficit') = (amount IS NOT NULL)),
    CHECK ((kind = 'deficit') = (quantity IS NULL))
);

CREATE INDEX waterfall_log_by_account ON pitboss.waterfall_log (account_id, at);

GRANT SELECT, INSERT ON pitboss.waterfall_log TO pitboss_writer;
