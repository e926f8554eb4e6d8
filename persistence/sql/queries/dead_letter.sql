-- Of a position any letter will do, the newest first: it is written over with every change.
SELECT sqlstate, reason FROM pitboss.dead_letters
WHERE shard = $1 AND target = $2 AND part = $5 AND (frame = $3 AND index = $4 OR $2 = 'positions')
ORDER BY frame DESC, index DESC
LIMIT 1
