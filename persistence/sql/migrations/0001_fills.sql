-- One row is one side of one trade. The key begins with `at` because the table is partitioned by
-- it; a frame has the same time on every replay, so the key is as stable as (shard, frame, index).
CREATE TABLE pitboss.fills (
    shard              text        NOT NULL,
    frame              bigint      NOT NULL CHECK (frame > 0),
    index              integer     NOT NULL CHECK (index >= 0),
    liquidity          text        NOT NULL CHECK (liquidity IN ('maker', 'taker')),
    trade_id           bigint      NOT NULL,
    account_id         text        NOT NULL,
    counter_account_id text        NOT NULL,
    order_id           bigint      NOT NULL,
    client_order_id    text        NOT NULL,
    symbol             text        NOT NULL,
    side               text        NOT NULL CHECK (side IN ('buy', 'sell')),
    -- NaN counts as greater than every number, so an upper bound refuses it together with Infinity.
    quantity           numeric     NOT NULL CHECK (quantity > 0 AND quantity < 'Infinity'),
    price              numeric     NOT NULL CHECK (price > 0 AND price < 'Infinity'),
    fee                numeric     NOT NULL CHECK (fee > '-Infinity' AND fee < 'Infinity'),
    realized_pnl       numeric     NOT NULL CHECK (realized_pnl > '-Infinity' AND realized_pnl < 'Infinity'),
    position_after     numeric     NOT NULL CHECK (position_after > '-Infinity' AND position_after < 'Infinity'),
    at                 timestamptz NOT NULL,
    PRIMARY KEY (at, shard, frame, index, side)
) PARTITION BY RANGE (at);

CREATE INDEX fills_by_account ON pitboss.fills (account_id, at);

-- Rows land here only when no month was prepared for them: the daemon raises an alarm.
CREATE TABLE pitboss.fills_default PARTITION OF pitboss.fills DEFAULT;

-- Prepare the months from last month on; called at every start. A month whose rows already lie in
-- the default partition stays there, since the new partition would contradict them.
CREATE FUNCTION pitboss.prepare_fill_months(months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    begins  timestamp;
    name    text;
    created integer := 0;
BEGIN
    FOR step IN -1 .. months LOOP
        begins := date_trunc('month', now() AT TIME ZONE 'UTC') + step * interval '1 month';
        name := 'fills_' || to_char(begins, 'YYYY_MM');
        CONTINUE WHEN to_regclass('pitboss.' || name) IS NOT NULL;
        CONTINUE WHEN EXISTS (
            SELECT 1 FROM pitboss.fills_default
            WHERE at >= begins AT TIME ZONE 'UTC'
              AND at < (begins + interval '1 month') AT TIME ZONE 'UTC'
        );
        EXECUTE format(
            'CREATE TABLE pitboss.%I PARTITION OF pitboss.fills FOR VALUES FROM (%L) TO (%L)',
            name,
            begins AT TIME ZONE 'UTC',
            (begins + interval '1 month') AT TIME ZONE 'UTC'
        );
        created := created + 1;
    END LOOP;
    RETURN created;
END
$$;
