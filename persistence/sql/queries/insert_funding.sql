INSERT INTO pitboss.funding (
    shard, at, frame, index, kind, boundary_id, symbol, long_rate, short_rate, days, day_count,
    mark_price, paid, received, residue
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.kind, r.boundary_id, r.symbol, r.long_rate::numeric,
    r.short_rate::numeric, r.days, r.day_count, r.mark_price::numeric, r.paid::numeric,
    r.received::numeric, r.residue::numeric
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::integer[], $11::integer[], $12::text[], $13::text[], $14::text[], $15::text[]
) AS r (
    time_us, frame, event_index, kind, boundary_id, symbol, long_rate, short_rate, days, day_count,
    mark_price, paid, received, residue
)
ON CONFLICT DO NOTHING
