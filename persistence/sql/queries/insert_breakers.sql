INSERT INTO pitboss.breakers (
    shard, at, frame, index, scope, symbol, level, move, reference, price, index_value, auction,
    until
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.scope, r.symbol, r.level, r.move::numeric, r.reference::numeric,
    r.price::numeric, r.index_value::numeric, r.auction,
    timestamptz 'epoch' + r.until_ms * interval '1 millisecond'
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::integer[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::boolean[], $13::bigint[]
) AS r (
    time_us, frame, event_index, scope, symbol, level, move, reference, price, index_value, auction,
    until_ms
)
ON CONFLICT DO NOTHING
