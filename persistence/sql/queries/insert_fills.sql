-- One array per column. Decimals travel as text, which keeps them exact and is cheaper to encode.
INSERT INTO pitboss.fills (
    shard, at, frame, index, liquidity, trade_id, account_id, counter_account_id, order_id,
    client_order_id, symbol, side, quantity, price, fee, realized_pnl, position_after
)
SELECT
    $1::text,
    timestamptz 'epoch' + r.time_us * interval '1 microsecond',
    r.frame, r.event_index, r.liquidity, r.trade_id, r.account_id, r.counter_account_id, r.order_id,
    r.client_order_id, r.symbol, r.side,
    r.quantity::numeric, r.price::numeric, r.fee::numeric, r.realized_pnl::numeric,
    r.position_after::numeric
FROM unnest(
    $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::bigint[], $7::text[], $8::text[],
    $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[]
) AS r (
    time_us, frame, event_index, liquidity, trade_id, account_id, counter_account_id,
    order_id, client_order_id, symbol, side, quantity, price, fee,
    realized_pnl, position_after
)
ON CONFLICT DO NOTHING
