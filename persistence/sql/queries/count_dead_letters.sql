SELECT count(*) FROM pitboss.dead_letters WHERE shard = $1
