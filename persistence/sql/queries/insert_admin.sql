INSERT INTO pitboss.admin_log (
    shard, at, frame, index, stream, entry_id, command_type, target, operator, outcome, code, reason,
    command
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.input_index, r.stream, r.entry_id, r.command_type, r.target, r.operator, r.outcome,
    r.code, r.reason, r.command
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::integer[], $12::text[], $13::text[]
) AS r (
    time_us, frame, input_index, stream, entry_id, command_type, target, operator, outcome, code,
    reason, command
)
ON CONFLICT DO NOTHING
