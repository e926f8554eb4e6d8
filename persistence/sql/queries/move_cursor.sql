-- Conditional on where this writer believes it is: of two writers one moves, the other sees 0 rows.
UPDATE pitboss.writer_cursor SET frame = $4, hash = $5
WHERE shard = $1 AND frame = $2 AND hash = $3
