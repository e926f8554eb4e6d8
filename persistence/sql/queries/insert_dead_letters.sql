-- No column is named behind ON CONFLICT: that would need the right to read.
INSERT INTO pitboss.dead_letters (shard, target, frame, index, part, "row", sqlstate, reason)
SELECT $1::text, r.target, r.frame, r.index, r.part, r."row"::json, r.sqlstate, r.reason
FROM unnest(
    $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[]
) AS r (target, frame, index, part, "row", sqlstate, reason)
ON CONFLICT DO NOTHING
