"""The schema `pitboss` in Postgres: numbered files, forward only, applied once each."""

import hashlib

from engine.connections import PostgresConnection
from persistence.queries import migrations, query

MONTHS_AHEAD = 24
_LOCK_SECONDS = 120.0


class SchemaMismatch(Exception):
    """The database was migrated by another release than this one: exit 66."""


async def migrate(connection: PostgresConnection) -> list[str]:
    """Bring the schema up to date, as its owner, and prepare the coming months of `fills`.

    Everything happens in one transaction under an advisory lock, so that two daemons that start
    together take turns. Returns the migrations applied now, and raises SchemaMismatch when the
    database knows a migration that this release does not, or knows it otherwise.
    """
    applied_now = []
    async with connection.transaction():
        await connection.execute(query("lock_migrations"), timeout=_LOCK_SECONDS)
        await connection.execute(query("begin_migrations"))
        applied = {
            row["number"]: row["checksum"]
            for row in await connection.fetch(query("applied_migrations"))
        }
        known = migrations()
        if applied and max(applied) > len(known):
            raise SchemaMismatch(
                f"the database has migration {max(applied)}, this release ends at {len(known)}: "
                "start the newer release"
            )
        for number, name, text in known:
            checksum = hashlib.sha256(text.encode()).hexdigest()
            if number not in applied:
                await connection.execute(text)
                await connection.execute(query("record_migration"), number, name, checksum)
                applied_now.append(f"{number:04}_{name}")
            elif applied[number] != checksum:
                raise SchemaMismatch(
                    f"migration {number:04}_{name} was changed after it was applied: start the "
                    "release that applied it, and add a new migration instead"
                )
        await connection.execute(query("prepare_fill_months"), MONTHS_AHEAD)
    return applied_now


async def fills_are_misplaced(connection: PostgresConnection) -> bool:
    """Tell whether fills lie in the default partition, for want of a month: raise an alarm."""
    return bool(await connection.fetchval(query("fills_misplaced")))
