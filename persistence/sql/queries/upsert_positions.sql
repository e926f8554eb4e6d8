-- What was told when a life began stays; so do the columns that come from the engine's state.
INSERT INTO pitboss.positions (
    shard, id, sub_account_id, symbol, side, status, quantity, cost, max_quantity, entry_price,
    notional, realized_pnl, fees, taken_over_by, opened_at, opened_frame, opened_index, last_frame,
    last_index, closed_frame, closed_at
)
SELECT
    $1::text,
    r.id, r.sub_account_id, r.symbol, r.side, r.status, r.quantity::numeric, r.cost::numeric,
    r.max_quantity::numeric, r.entry_price::numeric, r.notional::numeric, r.realized_pnl::numeric,
    r.fees::numeric, r.taken_over_by,
    timestamptz 'epoch' + r.opened_us * interval '1 microsecond',
    r.opened_frame, r.opened_index, r.last_frame, r.last_index, r.closed_frame,
    timestamptz 'epoch' + r.closed_us * interval '1 microsecond'
FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[],
    $16::bigint[], $17::integer[], $18::bigint[], $19::integer[], $20::bigint[], $21::bigint[]
) AS r (
    id, sub_account_id, symbol, side, status, quantity, cost, max_quantity, entry_price, notional,
    realized_pnl, fees, taken_over_by, opened_us, opened_frame, opened_index, last_frame,
    last_index, closed_frame, closed_us
)
ON CONFLICT (id) DO UPDATE SET
    status = excluded.status,
    quantity = excluded.quantity,
    cost = excluded.cost,
    max_quantity = excluded.max_quantity,
    entry_price = excluded.entry_price,
    notional = excluded.notional,
    realized_pnl = excluded.realized_pnl,
    fees = excluded.fees,
    taken_over_by = excluded.taken_over_by,
    last_frame = excluded.last_frame,
    last_index = excluded.last_index,
    closed_frame = excluded.closed_frame,
    closed_at = excluded.closed_at
