SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, account_id, order_id, client_order_id, symbol, order_type, side, quantity::text,
    filled::text, average_price::text, arrival_touch::text, arrival_mark::text,
    slippage_touch_bps::text, slippage_mark_bps::text, fee::text, makers, filled_by_house::text
FROM pitboss.execution_log
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
