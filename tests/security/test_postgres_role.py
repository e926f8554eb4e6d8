"""The daemon writes to Postgres as a role that can add and restate, and destroy nothing."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from engine.connections import Connections, Endpoints, PostgresConnection, PostgresError
from persistence.queries import query
from persistence.schema import migrate
from tests.line.line import send
from tests.line.process import Make
from tests.line.words import MARKET, order, tick

RESTATED = ("writer_cursor", "positions", "instruments")
"""What says how something stands now; whatever else there is, now or later, is only added to."""
OTHERS = {
    **{name: {"SELECT", "INSERT", "UPDATE"} for name in RESTATED},
    "dead_letters": {"INSERT"},
    "told_positions": {"SELECT"},
    "told_instruments": {"SELECT"},
    "fills_default": {"SELECT"},  # looked at; rows go in through `fills`
    "migrations": set(),
}
PARTITION = re.compile(r"fills_\d{4}_\d{2}\Z")
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")

DESTRUCTION = """
DELETE FROM {0}; TRUNCATE {0}; DROP {1} {0} CASCADE; ALTER {1} {0} RENAME TO gone;
ALTER {1} {0} OWNER TO CURRENT_USER; COMMENT ON {1} {0} IS 'mine'; CREATE INDEX ON {0} ((1));
CREATE RULE r AS ON INSERT TO {0} DO INSTEAD NOTHING; ALTER TABLE {0} ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER t BEFORE INSERT ON {0} EXECUTE FUNCTION suppress_redundant_updates_trigger();
REINDEX TABLE {0}; CLUSTER {0}
"""
ELSEWHERE = """
CREATE TABLE pitboss.x (x int); CREATE TABLE public.x (x int); CREATE SCHEMA x; DROP SCHEMA pitboss;
CREATE FUNCTION pitboss.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE ROLE x;
ALTER ROLE pitboss_writer SUPERUSER; CREATE PUBLICATION p FOR ALL TABLES;
COPY (SELECT 1) TO '/tmp/x'; COPY (SELECT 1) TO PROGRAM 'id'; SELECT lo_import('/etc/passwd');
SELECT pg_read_file('/etc/passwd'); SELECT * FROM pg_authid; SELECT * FROM pitboss.migrations;
SELECT pitboss.replay_dead_letters('x'); SELECT pitboss.prepare_fill_months(99);
INSERT INTO pitboss.migrations VALUES (99, 'x', 'x')
"""


class Writer:
    """A connection that has become the writer, and what its owner saw before."""

    def __init__(self, connection: PostgresConnection, relations: dict[str, str]) -> None:
        self.connection = connection
        self.relations = relations

    async def outcome(self, statement: str) -> str:
        """Carry out a statement and take it back; return the code by which it is refused."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            await self.connection.execute(statement)
        except PostgresError as refused:
            return refused.sqlstate or ""
        else:
            return "let through"
        finally:
            await transaction.rollback()


@pytest.fixture
async def writer(connections: Connections) -> AsyncIterator[Writer]:
    """Become the writer, as the daemon's connections do."""
    connection = await connections.postgres()
    await migrate(connection)
    rows = await connection.fetch(_RELATIONS)
    await connection.execute(query("become_writer"))
    yield Writer(connection, {row["table_name"]: row["table_type"].split()[-1] for row in rows})
    await connection.close()


async def test_writer_has_the_rights_of_its_task_on_every_table(writer: Writer) -> None:
    """No table is forgotten: one that a later migration adds without its grant is found here."""
    found = {
        name: {
            right
            for right in RIGHTS
            if await writer.connection.fetchval(_HAS_RIGHT, f"pitboss.{name}", right)
        }
        for name in writer.relations
    }
    assert {*OTHERS, "fills"} <= writer.relations.keys()
    assert found == {name: _rights(name, kind) for name, kind in writer.relations.items()}


def _rights(name: str, kind: str) -> set[str]:
    if name in OTHERS:
        return OTHERS[name]
    return set() if kind == "VIEW" or PARTITION.match(name) else {"SELECT", "INSERT"}


async def test_writer_can_destroy_nothing(writer: Writer) -> None:
    """A bug in the daemon, or whoever takes it over, must not reach what is written."""
    outcomes = {
        statement: await writer.outcome(statement)
        for name, kind in writer.relations.items()
        for each in DESTRUCTION.split(";")
        if (statement := each.strip().format(f"pitboss.{name}", kind))
    }
    views = tuple(f"pitboss.{name}" for name, kind in writer.relations.items() if kind == "VIEW")
    of_views = {each for each in outcomes if any(name in each for name in views)}
    assert {outcomes.pop(each) for each in of_views} <= {_REFUSED, *_NOT_FOR_VIEWS}
    assert {each: code for each, code in outcomes.items() if code != _REFUSED} == {}


async def test_writer_is_nobody_elsewhere(writer: Writer) -> None:
    """Nor can it make anything, become anybody, or reach the server's files and programs."""
    outcomes = {each: await writer.outcome(each) for each in ELSEWHERE.split(";")}
    assert {each: code for each, code in outcomes.items() if code != _REFUSED} == {}
    assert not any(await writer.connection.fetchrow(_POWERS) or [True])
    assert await writer.connection.fetchval(_MEMBERSHIPS) == 0


async def test_running_daemon_writes_as_nobody_else(
    connections: Connections, servers: Endpoints, make: Make, shard: str
) -> None:
    """The owner migrates and prepares months; not one row is written under its name."""
    expected = {("fills",), *((name,) for name in RESTATED)}
    owner = await connections.postgres()
    await migrate(owner)
    await owner.execute(_WATCH)
    try:
        daemon = make(shard, servers.redis_url, dsn=servers.postgres_dsn or "")
        await daemon.start()
        await send(connections, shard, *MARKET, tick())
        await send(connections, shard, order("a"), order("b", "sell", account="bea"))
        async with asyncio.timeout(20):
            while not expected <= set(await owner.fetch(_WRITTEN)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await daemon.stop() == 0, daemon.log
        found = await owner.fetch("SELECT DISTINCT by FROM public.written")
    finally:
        await owner.execute(_UNWATCH)
        await owner.close()

    assert [row["by"] for row in found] == ["pitboss_writer"]


_REFUSED = "42501"
_NOT_FOR_VIEWS = ("42809", "55000")
_RELATIONS = """
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'pitboss'
"""
_HAS_RIGHT = "SELECT has_table_privilege('pitboss_writer', $1, $2)"
_WRITTEN = "SELECT DISTINCT written FROM public.written"
_POWERS = """
SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls
FROM pg_roles WHERE rolname = 'pitboss_writer'
"""
_MEMBERSHIPS = """
SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
WHERE r.rolname = 'pitboss_writer'
"""
_WATCH = """
CREATE TABLE public.written (written text, by text);
GRANT INSERT ON public.written TO PUBLIC;
CREATE FUNCTION public.note_writer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.written VALUES (TG_TABLE_NAME, current_user); RETURN NULL; END $$;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'pitboss' AND table_type = 'BASE TABLE' LOOP
        EXECUTE format('CREATE TRIGGER note_writer AFTER INSERT OR UPDATE OR DELETE ON pitboss.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION public.note_writer()', name);
    END LOOP;
END $$
"""
_UNWATCH = "DROP FUNCTION public.note_writer CASCADE; DROP TABLE public.written"
