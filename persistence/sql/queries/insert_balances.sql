INSERT INTO pitboss.balance_log (shard, at, frame, index, account_id, delta, balance, cause)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.account_id, r.delta::numeric, r.balance::numeric, r.cause
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[]
) AS r (time_us, frame, event_index, account_id, delta, balance, cause)
ON CONFLICT DO NOTHING
