SELECT
    (extract(epoch FROM changed_at) * 1000000)::bigint AS time_us,
    frame, index, symbol, contract_size::text, tick_size::text, lot_size::text, mode, mark_source,
    terms::text, is_deleted
FROM pitboss.told_instruments
WHERE shard = $1 AND NOT is_deleted
