INSERT INTO pitboss.instruments (
    shard, changed_at, frame, index, symbol, contract_size, tick_size, lot_size, mode, mark_source,
    terms, is_deleted
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.symbol, r.contract_size::numeric, r.tick_size::numeric,
    r.lot_size::numeric, r.mode, r.mark_source, r.terms::jsonb, r.is_deleted
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::boolean[]
) AS r (
    time_us, frame, event_index, symbol, contract_size, tick_size, lot_size, mode, mark_source,
    terms, is_deleted
)
ON CONFLICT (shard, symbol) DO UPDATE SET
    changed_at = excluded.changed_at,
    frame = excluded.frame,
    index = excluded.index,
    contract_size = excluded.contract_size,
    tick_size = excluded.tick_size,
    lot_size = excluded.lot_size,
    mode = excluded.mode,
    mark_source = excluded.mark_source,
    terms = excluded.terms,
    is_deleted = excluded.is_deleted
