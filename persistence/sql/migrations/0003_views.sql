-- For programs that expect these names. An id is stable: the place in the journal.
CREATE VIEW pitboss.trades AS
SELECT
    concat_ws('-', shard, frame, index, side) AS id,
    account_id,
    symbol,
    side,
    quantity,
    price,
    at AS "timestamp"
FROM pitboss.fills;

CREATE VIEW pitboss.liquidations AS
SELECT
    concat_ws('-', shard, frame, index) AS id,
    account_id,
    'liquidation tier ' || tier || ' on ' || symbol AS reason,
    at AS "timestamp"
FROM pitboss.liquidation_log;
