SELECT
    p.id, p.sub_account_id, p.symbol, p.side, i.contract_size, p.quantity, p.max_quantity, p.cost,
    p.realized_pnl, p.fees,
    (extract(epoch FROM p.opened_at) * 1000000)::bigint AS opened_us,
    p.opened_frame, p.opened_index
FROM pitboss.told_positions AS p
JOIN pitboss.told_instruments AS i USING (shard, symbol)
WHERE p.shard = $1 AND p.status = 'OPEN'
