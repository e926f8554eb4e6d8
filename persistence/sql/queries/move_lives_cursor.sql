-- After the other cursor, in its transaction: whoever moved that holds the row.
UPDATE pitboss.writer_cursor SET lives_frame = $2, lives_hash = $3 WHERE shard = $1
