-- In the order of the key, which is the journal's: time never goes back from frame to frame.
SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, liquidity, trade_id, account_id, counter_account_id, order_id, client_order_id,
    symbol, side, quantity::text, price::text, fee::text, realized_pnl::text, position_after::text
FROM pitboss.fills
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY at, shard, frame, index, side
