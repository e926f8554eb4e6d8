SELECT count(*) FROM pitboss.fills WHERE shard = $1 AND frame BETWEEN $2 AND $3
