-- Rows that the database refused: each stands here as it should have stood in its table, under that
-- table's names, and the others went on. `part` tells rows of one place of the journal apart: the side
-- of a fill, the id of a position, the symbol of an instrument. json and not jsonb, which refuses more.
CREATE TABLE pitboss.dead_letters (
    shard    text        NOT NULL,
    target   text        NOT NULL,
    frame    bigint      NOT NULL,
    index    integer     NOT NULL,
    part     text        NOT NULL,
    "row"    json        NOT NULL,
    sqlstate text        NOT NULL,
    reason   text        NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, target, frame, index, part)
);

GRANT INSERT ON pitboss.dead_letters TO pitboss_writer;

-- Positions and instruments as they were last told, refused or not: where a writer's fold goes on. The
-- writer reads the letters through these alone.
CREATE VIEW pitboss.told_positions AS
SELECT p.*
FROM pitboss.positions AS p
WHERE NOT EXISTS (
    SELECT 1 FROM pitboss.dead_letters AS d
    WHERE d.shard = p.shard AND d.target = 'positions' AND d.part = p.id
      AND (d.frame, d.index) > (p.last_frame, p.last_index)
)
UNION ALL
SELECT r.*
FROM (
    SELECT DISTINCT ON (shard, part) * FROM pitboss.dead_letters
    WHERE target = 'positions'
    ORDER BY shard, part, frame DESC, index DESC
) AS d
CROSS JOIN LATERAL json_populate_record(NULL::pitboss.positions, d."row") AS r
WHERE NOT EXISTS (
    SELECT 1 FROM pitboss.positions AS p
    WHERE p.id = d.part AND (p.last_frame, p.last_index) >= (d.frame, d.index)
);

CREATE VIEW pitboss.told_instruments AS
SELECT i.*
FROM pitboss.instruments AS i
WHERE NOT EXISTS (
    SELECT 1 FROM pitboss.dead_letters AS d
    WHERE d.shard = i.shard AND d.target = 'instruments' AND d.part = i.symbol
      AND (d.frame, d.index) > (i.frame, i.index)
)
UNION ALL
SELECT r.*
FROM (
    SELECT DISTINCT ON (shard, part) * FROM pitboss.dead_letters
    WHERE target = 'instruments'
    ORDER BY shard, part, frame DESC, index DESC
) AS d
CROSS JOIN LATERAL json_populate_record(NULL::pitboss.instruments, d."row") AS r
WHERE NOT EXISTS (
    SELECT 1 FROM pitboss.instruments AS i
    WHERE i.shard = d.shard AND i.symbol = d.part AND (i.frame, i.index) >= (d.frame, d.index)
);

GRANT SELECT ON pitboss.told_positions, pitboss.told_instruments TO pitboss_writer;

-- For an operator, once the cause is mended: bring the letters of a shard to their tables, oldest
-- first. What is refused again stays. Returns how many were brought.
CREATE FUNCTION pitboss.replay_dead_letters(whose text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    letter  pitboss.dead_letters;
    brought integer := 0;
BEGIN
    PERFORM 1 FROM pitboss.writer_cursor WHERE shard = whose FOR UPDATE;
    FOR letter IN
        SELECT * FROM pitboss.dead_letters WHERE shard = whose ORDER BY frame, index, target, part
    LOOP
        BEGIN
            -- These two say how something stands, and give way to what came later.
            DELETE FROM pitboss.positions
            WHERE letter.target = 'positions' AND id = letter.part
              AND (last_frame, last_index) < (letter.frame, letter.index);
            DELETE FROM pitboss.instruments
            WHERE letter.target = 'instruments' AND shard = whose AND symbol = letter.part
              AND (frame, index) < (letter.frame, letter.index);
            EXECUTE format(
                'INSERT INTO pitboss.%I SELECT * FROM json_populate_record(NULL::pitboss.%I, $1) '
                'ON CONFLICT DO NOTHING',
                letter.target, letter.target
            ) USING letter."row";
            DELETE FROM pitboss.dead_letters AS d
            WHERE d.shard = letter.shard AND d.target = letter.target AND d.frame = letter.frame
              AND d.index = letter.index AND d.part = letter.part;
            brought := brought + 1;
        EXCEPTION
            WHEN data_exception OR integrity_constraint_violation OR with_check_option_violation
                OR plpgsql_error THEN NULL;
        END;
    END LOOP;
    RETURN brought;
END
$$;
