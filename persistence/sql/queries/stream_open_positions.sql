SELECT
    id, sub_account_id, symbol, side, status, quantity::text, cost::text, max_quantity::text,
    entry_price::text, notional::text, realized_pnl::text, fees::text, taken_over_by,
    (extract(epoch FROM opened_at) * 1000000)::bigint AS opened_us,
    opened_frame, opened_index, last_frame, last_index, closed_frame,
    (extract(epoch FROM closed_at) * 1000000)::bigint AS closed_us
FROM pitboss.positions
WHERE shard = $1 AND status = 'OPEN'
