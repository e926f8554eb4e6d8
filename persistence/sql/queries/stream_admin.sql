SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, stream, entry_id, command_type, target, operator, outcome, code, reason, command
FROM pitboss.admin_log
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
