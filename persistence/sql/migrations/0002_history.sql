-- How far the journal has been written: moved in the same transaction as the rows it covers.
CREATE TABLE pitboss.writer_cursor (
    shard text   PRIMARY KEY,
    frame bigint NOT NULL CHECK (frame >= 0),
    hash  text   NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')
);

-- Whatever moved a balance and was not a trade.
CREATE TABLE pitboss.balance_log (
    shard      text        NOT NULL,
    frame      bigint      NOT NULL CHECK (frame > 0),
    index      integer     NOT NULL CHECK (index >= 0),
    account_id text        NOT NULL,
    delta      numeric     NOT NULL CHECK (delta > '-Infinity' AND delta < 'Infinity'),
    balance    numeric     NOT NULL CHECK (balance > '-Infinity' AND balance < 'Infinity'),
    cause      text        NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index)
);

CREATE INDEX balance_log_by_account ON pitboss.balance_log (account_id, at);

-- Every action of a liquidation, whether or not a trade followed; the receipt shows its arithmetic.
CREATE TABLE pitboss.liquidation_log (
    shard       text        NOT NULL,
    frame       bigint      NOT NULL CHECK (frame > 0),
    index       integer     NOT NULL CHECK (index >= 0),
    account_id  text        NOT NULL,
    symbol      text        NOT NULL,
    tier        integer     NOT NULL CHECK (tier BETWEEN 1 AND 3),
    side        text        NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity    numeric     NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
    limit_price numeric              CHECK (limit_price > 0 AND limit_price < 'Infinity'),
    receipt     jsonb       NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index)
);

CREATE INDEX liquidation_log_by_account ON pitboss.liquidation_log (account_id, at);
