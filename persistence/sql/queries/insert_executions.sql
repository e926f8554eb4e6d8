INSERT INTO pitboss.execution_log (
    shard, at, frame, index, account_id, order_id, client_order_id, symbol, order_type, side,
    quantity, filled, average_price, arrival_touch, arrival_mark, slippage_touch_bps,
    slippage_mark_bps, fee, makers, filled_by_house
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.account_id, r.order_id, r.client_order_id, r.symbol, r.order_type,
    r.side, r.quantity::numeric, r.filled::numeric, r.average_price::numeric,
    r.arrival_touch::numeric, r.arrival_mark::numeric, r.slippage_touch_bps::numeric,
    r.slippage_mark_bps::numeric, r.fee::numeric, r.makers, r.filled_by_house::numeric
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::bigint[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[]
) AS r (
    time_us, frame, event_index, account_id, order_id, client_order_id, symbol, order_type, side,
    quantity, filled, average_price, arrival_touch, arrival_mark, slippage_touch_bps,
    slippage_mark_bps, fee, makers, filled_by_house
)
ON CONFLICT DO NOTHING
