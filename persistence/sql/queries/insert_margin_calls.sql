INSERT INTO pitboss.margin_calls (
    shard, at, frame, index, account_id, equity, maintenance_margin, receipt
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.account_id, r.equity::numeric, r.maintenance_margin::numeric,
    r.receipt::jsonb
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[]
) AS r (
    time_us, frame, event_index, account_id, equity, maintenance_margin, receipt
)
ON CONFLICT DO NOTHING
