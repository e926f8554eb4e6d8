SELECT frame, hash FROM pitboss.writer_cursor WHERE shard = $1
