SELECT
    (extract(epoch FROM at) * 1000000)::bigint AS time_us,
    frame, index, scope, symbol, level, move::text, reference::text, price::text,
    index_value::text, auction, (extract(epoch FROM until) * 1000)::bigint AS until_ms
FROM pitboss.breakers
WHERE shard = $1 AND frame BETWEEN $2 AND $3
ORDER BY shard, frame, index
