SELECT lives_frame AS frame, lives_hash AS hash FROM pitboss.writer_cursor WHERE shard = $1
