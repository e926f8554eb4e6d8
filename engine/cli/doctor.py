"""`pitboss doctor`: the machine, the configuration and the servers, one line a check."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from engine.cli.check_config import Trial
from engine.cli.doctor_engines import look_at_engines
from engine.cli.doctor_machine import Finding, look_at_machine
from engine.cli.failure import CommandError
from engine.cli.places import Place, default_state_dir
from engine.cli.snapshots import daemon_pid
from engine.config import Config, ConfigError, load
from engine.connections import POSTGRES_FAILED, LinkLost, PostgresLost, RedisReplyError
from engine.exposures import exposures
from feeds.memory import REFUSE_PERCENT, level_of, memory_percent, memory_sentence
from persistence.cursor import read_cursor
from persistence.journal import JournalFrames
from persistence.queries import migrations, query
from persistence.redis_settings import check_redis_settings
from persistence.schema import fills_are_misplaced
from persistence.snapshot_store import SnapshotStore
from persistence.state_dir import is_held

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from engine.connections import PostgresConnection, RedisLink

_LATE_FRAMES = 10_000
_AHEAD_US = 1_000_000


async def examine(config_path: Path | None, state_dir: Path | None) -> list[Finding]:
    """Return every finding; reads only. What needs a running daemon says so where there is none."""
    config, findings = _configuration(config_path)
    place = Place(config_path, config, state_dir or default_state_dir())
    findings += look_at_machine(
        place.state_dir,
        own_redis=config.redis.url is None,
        own_postgres=config.redis.url is None,
    )
    findings += _daemon(place.state_dir)
    findings += [finding async for finding in _servers(place)]
    return findings


def _configuration(path: Path | None) -> tuple[Config, list[Finding]]:
    try:
        config = load(path)
    except ConfigError as error:
        return Config(), [Finding("FAIL", "config", str(error))]
    problems = Trial(config).problems
    if problems:
        return config, [Finding("FAIL", "config", each) for each in problems]
    unsafe = [Finding("WARN", "security", each) for each in exposures(config)]
    used = f"{path or 'config.toml or defaults'} can be used"
    return config, [Finding("OK", "config", used), *unsafe]


def _daemon(state_dir: Path) -> Iterator[Finding]:
    try:
        yield Finding("OK", "daemon", f"process {daemon_pid(state_dir)}")
    except CommandError as error:
        if is_held(state_dir):
            yield Finding("WARN", "daemon", f"{error}; something holds its lock all the same")
        else:
            yield Finding("WARN", "daemon", f"none holds {state_dir}: `pitboss run` starts one")


async def _servers(place: Place) -> AsyncIterator[Finding]:
    try:
        connections = place.connections()
    except (CommandError, ValueError) as error:
        yield Finding("WARN", "servers", f"not looked at: {error}")
        return
    try:
        link = await connections.redis()
    except (LinkLost, RedisReplyError) as error:
        yield Finding("FAIL", "redis", f"{error}: start it, or correct redis.url")
        return
    top = 0
    try:
        async for finding in _redis(link):
            yield finding
        top = await _top(link, place.shard)
        async for finding in _journal(link, place.shard):
            yield finding
        async for finding in look_at_engines(link, place.shard, top):
            yield finding
    except (LinkLost, RedisReplyError) as error:
        yield Finding("FAIL", "redis", f"{error}")
    finally:
        await link.close()
    if connections.endpoints.postgres_dsn is None:
        yield Finding("WARN", "schema", "no postgres.dsn is configured: fills stay in the journal")
        return
    try:
        database = await connections.postgres()
    except PostgresLost as error:
        yield Finding("FAIL", "schema", f"{error}: start it, or correct postgres.dsn")
        return
    try:
        async for finding in _database(database, place.shard, top):
            yield finding
    except POSTGRES_FAILED as error:
        yield Finding("FAIL", "schema", f"{error}: the daemon creates the schema when it starts")
    finally:
        database.terminate()


async def _redis(link: RedisLink) -> AsyncIterator[Finding]:
    report = await check_redis_settings(link)
    for line in report.wrong:
        yield Finding("FAIL", "redis", line.removeprefix("redis: "))
    for line in report.warnings:
        yield Finding("WARN", "redis", line.removeprefix("redis: "))
    if not report.wrong and not report.warnings:
        yield Finding("OK", "redis", "keeps what it acknowledges")
    percent = await memory_percent(link)
    level = level_of(percent)
    text = memory_sentence(percent)
    if level >= REFUSE_PERCENT:
        yield Finding("FAIL", "memory", text)
    else:
        yield Finding("WARN" if level else "OK", "memory", text)


async def _top(link: RedisLink, shard: str) -> int:
    top = await JournalFrames(link, shard).top()
    return 0 if top is None else top.n


async def _journal(link: RedisLink, shard: str) -> AsyncIterator[Finding]:
    top = await JournalFrames(link, shard).top()
    if top is None:
        yield Finding("WARN", "journal", f"none of {shard} yet: the first start writes frame 1")
        return
    newest = next(iter(await SnapshotStore(link, shard).manifests()), None)
    snapshot = "no snapshot yet" if newest is None else f"newest snapshot at {newest.frame}"
    ahead_us = top.time_us - time.time_ns() // 1_000
    if ahead_us > _AHEAD_US:
        text = f"frame {top.n} is {ahead_us / 1e6:.0f} s ahead of the clock: put the clock right"
        yield Finding("WARN", "journal", text)
    else:
        yield Finding("OK", "journal", f"frame {top.n}, {snapshot}")


async def _database(database: PostgresConnection, shard: str, top: int) -> AsyncIterator[Finding]:
    applied = {
        row["number"]: row["checksum"] for row in await database.fetch(query("applied_migrations"))
    }
    known = migrations()
    foreign = [
        f"{number:04}"
        for number in sorted(applied)
        if number > len(known) or applied[number] != _checksum(known[number - 1][2])
    ]
    if foreign:
        text = f"migration {', '.join(foreign)} is not this release's: start the one that wrote it"
        yield Finding("FAIL", "schema", text)
    elif len(applied) < len(known):
        text = f"{len(applied)} of {len(known)} migrations: the daemon applies the rest at a start"
        yield Finding("WARN", "schema", text)
    else:
        yield Finding("OK", "schema", f"{len(known)} migrations")
    if await fills_are_misplaced(database):
        text = "fills lie in fills_default: the database's clock or the journal's is wrong"
        yield Finding("FAIL", "fills", text)
    refused = (
        await database.fetchval(query("count_dead_letters"), shard) if len(applied) >= 13 else 0
    )
    if refused:
        text = f"{refused} rows that Postgres refused lie in dead_letters: see the runbook"
        yield Finding("FAIL", "writer", text)
    cursor = await read_cursor(database, shard)
    behind = top - (cursor.frame if cursor else 0)
    if behind > _LATE_FRAMES:
        text = f"{behind} frames behind: look into the daemon's log"
        yield Finding("WARN", "writer", text)
    else:
        yield Finding("OK", "writer", f"{max(behind, 0)} frames behind")


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
