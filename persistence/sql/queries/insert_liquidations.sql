INSERT INTO pitboss.liquidation_log (
    shard, at, frame, index, account_id, symbol, tier, side, quantity, limit_price, receipt
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.account_id, r.symbol, r.tier, r.side, r.quantity::numeric,
    r.limit_price::numeric, r.receipt::jsonb
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::integer[], $8::text[],
    $9::text[], $10::text[], $11::text[]
) AS r (
    time_us, frame, event_index, account_id, symbol, tier, side, quantity, limit_price, receipt
)
ON CONFLICT DO NOTHING
