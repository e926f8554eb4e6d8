INSERT INTO pitboss.waterfall_log (
    shard, at, frame, index, kind, account_id, counter_account_id, symbol, side, quantity, price,
    realized_pnl, counter_realized_pnl, amount, receipt
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.kind, r.account_id, r.counter_account_id, r.symbol, r.side,
    r.quantity::numeric, r.price::numeric, r.realized_pnl::numeric, r.counter_realized_pnl::numeric,
    r.amount::numeric, r.receipt::jsonb
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[]
) AS r (
    time_us, frame, event_index, kind, account_id, counter_account_id, symbol, side, quantity, price,
    realized_pnl, counter_realized_pnl, amount, receipt
)
ON CONFLICT DO NOTHING
