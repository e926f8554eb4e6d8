-- The daemon writes as a role that can add rows and move the cursor, and nothing else.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'pitboss_writer') THEN
        CREATE ROLE pitboss_writer NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database of it may have been quicker.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'pitboss_writer', 'MEMBER') THEN
        GRANT pitboss_writer TO CURRENT_USER;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA pitboss TO pitboss_writer;
-- SELECT too: ON CONFLICT with a named column must read it, and the cursor is compared.
GRANT SELECT, INSERT ON pitboss.fills, pitboss.balance_log, pitboss.liquidation_log TO pitboss_writer;
GRANT SELECT ON pitboss.fills_default TO pitboss_writer;
GRANT SELECT, INSERT, UPDATE ON pitboss.writer_cursor TO pitboss_writer;
