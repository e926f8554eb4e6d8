SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, kind, boundary_id, symbol, long_rate::text, short_rate::text, days, day_count,
    mark_price::text, paid::text, received::text, residue::text
FROM pitboss.funding
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
