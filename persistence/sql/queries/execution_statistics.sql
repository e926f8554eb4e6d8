-- What taking cost, by account, symbol, kind of order and side; the last row is of all together.
-- A percentile is a slippage that occurred, so nothing here is a binary fraction.
WITH executions AS (
    SELECT
        account_id, symbol, side, quantity, filled, fee, slippage_touch_bps, slippage_mark_bps,
        CASE client_order_id
            WHEN 'liq-' || order_id THEN 'liquidation'
            WHEN 'kill-' || order_id THEN 'kill_switch'
            ELSE order_type
        END AS kind
    FROM pitboss.execution_log
    WHERE shard = $1
        AND ($2::text IS NULL OR account_id = $2)
        AND ($3::text IS NULL OR symbol = $3)
        AND ($4::timestamptz IS NULL OR at >= $4)
)
SELECT
    account_id, symbol, kind, side,
    count(*) AS executions,
    round(sum(filled) / sum(quantity), 6)::text AS filled_share,
    sum(fee)::text AS fees,
    round(avg(slippage_touch_bps), 4)::text AS touch_average,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY slippage_touch_bps)::text AS touch_median,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY slippage_touch_bps)::text AS touch_p95,
    round(avg(slippage_mark_bps), 4)::text AS mark_average,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY slippage_mark_bps)::text AS mark_median,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY slippage_mark_bps)::text AS mark_p95
FROM executions
GROUP BY GROUPING SETS ((account_id, symbol, kind, side), ())
ORDER BY grouping(account_id), account_id, symbol, kind, side
