INSERT INTO pitboss.writer_cursor (shard, frame, hash) VALUES ($1, 0, $2)
ON CONFLICT (shard) DO NOTHING
