INSERT INTO pitboss.writer_cursor (shard, frame, hash, lives_frame, lives_hash)
VALUES ($1, 0, $2, 0, $2)
ON CONFLICT (shard) DO NOTHING
