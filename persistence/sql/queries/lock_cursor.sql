-- So that the fill writer and this one take turns, and never wait for each other's rows.
SELECT 1 FROM pitboss.writer_cursor WHERE shard = $1 FOR UPDATE
