-- Only rows that stand where the engine stood: those that the fill writer has yet to bring up wait.
UPDATE pitboss.positions AS p SET
    leverage = r.leverage::numeric,
    margin = r.margin::numeric,
    liquidation_price = r.liquidation_price::numeric,
    as_of_frame = $2
FROM unnest(
    $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]
) AS r (account_id, symbol, side, quantity, leverage, margin, liquidation_price)
WHERE p.shard = $1
    AND p.status = 'OPEN'
    AND p.sub_account_id = r.account_id
    AND p.symbol = r.symbol
    AND p.side = r.side
    AND p.quantity = r.quantity::numeric
    AND (p.as_of_frame IS NULL OR p.as_of_frame < $2)
