-- One row a margin call: the account's ratio rose above the first threshold. Equity may be negative.
CREATE TABLE pitboss.margin_calls (
    shard              text        NOT NULL,
    frame              bigint      NOT NULL CHECK (frame > 0),
    index              integer     NOT NULL CHECK (index >= 0),
    account_id         text        NOT NULL,
    equity             numeric     NOT NULL CHECK (equity > '-Infinity' AND equity < 'Infinity'),
    maintenance_margin numeric     NOT NULL CHECK (maintenance_margin > 0 AND maintenance_margin < 'Infinity'),
    receipt            jsonb       NOT NULL,
    at                 timestamptz NOT NULL,
    PRIMARY KEY (shard, frame, index)
);

CREATE INDEX margin_calls_by_account ON pitboss.margin_calls (account_id, at);

GRANT SELECT, INSERT ON pitboss.margin_calls TO pitboss_writer;
