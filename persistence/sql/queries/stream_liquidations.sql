SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, account_id, symbol, tier, side, quantity::text, limit_price::text, receipt::text
FROM pitboss.liquidation_log
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
