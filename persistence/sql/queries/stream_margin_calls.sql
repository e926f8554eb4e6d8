SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, account_id, equity::text, maintenance_margin::text, receipt::text
FROM pitboss.margin_calls
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
