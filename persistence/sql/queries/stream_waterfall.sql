SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, kind, account_id, counter_account_id, symbol, side, quantity::text, price::text,
    realized_pnl::text, counter_realized_pnl::text, amount::text, receipt::text
FROM pitboss.waterfall_log
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
