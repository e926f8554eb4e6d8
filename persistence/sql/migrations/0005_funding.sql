-- One row a funding or swap: what longs and shorts paid at one boundary. What each account paid
-- stands in balance_log, under the same cause.
CREATE TABLE pitboss.funding (
    shard       text        NOT NULL,
    frame       bigint      NOT NULL CHECK (frame > 0),
    index       integer     NOT NULL CHECK (index >= 0),
    kind        text        NOT NULL CHECK (kind IN ('funding', 'swap')),
    boundary_id text        NOT NULL,
    symbol      text        NOT NULL,
    long_rate   numeric     NOT NULL CHECK (long_rate > '-Infinity' AND long_rate < 'Infinity'),
    short_rate  numeric     NOT NULL CHECK (short_rate > '-Infinity' AND short_rate < 'Infinity'),
    days        integer              CHECK (days > 0),
    day_count   integer              CHECK (day_count > 0),
    mark_price  numeric     NOT NULL CHECK (mark_price > 0 AND mark_price < 'Infinity'),
    paid        numeric     NOT NULL CHECK (paid >= 0 AND paid < 'Infinity'),
    received    numeric     NOT NULL CHECK (received >= 0 AND received < 'Infinity'),
    residue     numeric     NOT NULL CHECK (residue = paid - received),
    at          timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index)
);

CREATE INDEX funding_by_symbol ON pitboss.funding (symbol, at);

GRANT SELECT, INSERT ON pitboss.funding TO pitboss_writer;
