-- Whatever closed an account's lots against its will: slices, takeovers, and deleveraging, which
-- does so on both sides; the side that was deleveraged has an id of its own.
CREATE OR REPLACE VIEW pitboss.liquidations AS
SELECT
    concat_ws('-', shard, frame, index) AS id,
    account_id,
    'liquidation tier ' || tier || ' on ' || symbol AS reason,
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
