-- One row a breaker that tripped: an instrument's, from its reference to its mark, or the market's,
-- by its index. Without `until` an operator ended it. A reference has eight places.
CREATE TABLE pitboss.breakers (
    shard       text        NOT NULL,
    frame       bigint      NOT NULL CHECK (frame > 0),
    index       integer     NOT NULL CHECK (index >= 0),
    scope       text        NOT NULL CHECK (scope IN ('instrument', 'market')),
    symbol      text,
    level       integer     NOT NULL CHECK (level > 0),
    move        numeric     NOT NULL CHECK (move > 0 AND move <= 1),
    reference   numeric              CHECK (reference >= 0 AND reference < 'Infinity'),
    price       numeric              CHECK (price > 0 AND price < 'Infinity'),
    index_value numeric              CHECK (index_value >= 0 AND index_value < 'Infinity'),
    auction     boolean     NOT NULL,
    until       timestamptz          CHECK (until > at),
    at          timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index),
    CHECK (CASE scope
        WHEN 'market' THEN index_value IS NOT NULL
            AND symbol IS NULL AND reference IS NULL AND price IS NULL AND NOT auction
        ELSE index_value IS NULL
            AND symbol IS NOT NULL AND reference IS NOT NULL AND price IS NOT NULL
    END)
);

CREATE INDEX breakers_by_symbol ON pitboss.breakers (symbol, at);

GRANT SELECT, INSERT ON pitboss.breakers TO pitboss_writer;
