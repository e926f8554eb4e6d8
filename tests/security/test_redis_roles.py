"""Every role may do what its task needs, and nothing else: the whole matrix on a real Valkey."""

import asyncio
import re

import pytest

from engine.connections import Connections, Endpoints, LinkLost, RedisLink, RedisReplyError
from tests.house.source import sources
from tests.line.valkey import OwnValkey
from tests.security.conftest import SHARD
from tests.security.roles import ROLES, SHIPPED, GuardedValkey

INGRESS = {"orders", "orders:g", "ticks", "ticks:f", "admin", "admin:o"}
SHOWN = {"state:7:w", "account:a:balance", "positions:a", "mark_price:X"}
READ_BY_ALL = {"journal", "lease"}
OWN = INGRESS | SHOWN | READ_BY_ALL | {"readers", "lost-state:7:w", "surprise"}
KEYS = {name: f"{{{SHARD}}}:{name}" for name in OWN} | {
    "another shard's journal": "{other}:journal",
    "another shard's orders": "{other}:orders",
    "a longer shard's orders": f"{{{SHARD}2}}:orders",
    "a bare name": "account:a:balance",
    "the shard without its braces": f"{SHARD}:orders",
}

COMMANDS = {
    "XADD": ("XADD", "KEY", "*", "c", "x"),
    "XTRIM": ("XTRIM", "KEY", "MAXLEN", "1000"),
    "XRANGE": ("XRANGE", "KEY", "-", "+", "COUNT", "1"),
    "XREAD": ("XREAD", "COUNT", "1", "STREAMS", "KEY", "0"),
    "XINFO": ("XINFO", "STREAM", "KEY"),
    "XDEL": ("XDEL", "KEY", "1-1"),
    "XSETID": ("XSETID", "KEY", "9-9"),
    "XGROUP": ("XGROUP", "CREATE", "KEY", "g", "0"),
    "GET": ("GET", "KEY"),
    "SET": ("SET", "KEY", "x"),
    "MSET": ("MSET", "KEY", "x"),
    "APPEND": ("APPEND", "KEY", "x"),
    "DEL": ("DEL", "KEY"),
    "RENAME": ("RENAME", "KEY", "KEY"),
    "EXPIRE": ("EXPIRE", "KEY", "1000"),
    "HSET": ("HSET", "KEY", "f", "1"),
    "HDEL": ("HDEL", "KEY", "f"),
    "HVALS": ("HVALS", "KEY"),
    "DUMP": ("DUMP", "KEY"),
    "COPY": ("COPY", "KEY", "KEY"),
}
ENGINE = "XADD XTRIM XRANGE XREAD XINFO GET SET MSET DEL RENAME HSET HDEL HVALS"
READING = "XRANGE XREAD XINFO GET HVALS"

ALLOWED: dict[str, list[tuple[str, set[str]]]] = {
    "pitboss": [(ENGINE, OWN)],
    "pitboss-gateway": [
        ("XADD", {"orders", "orders:g"}),
        ("XRANGE XREAD GET", READ_BY_ALL),
    ],
    "pitboss-feed": [
        ("XADD", {"ticks", "ticks:f"}),
        ("XRANGE XREAD XINFO GET", READ_BY_ALL | {"ticks:f"}),
    ],
    "pitboss-operator": [
        ("XADD", {"admin", "admin:o"}),
        (READING, OWN),
        ("HDEL", {"readers"}),
    ],
    "pitboss-reader": [
        (READING, READ_BY_ALL | SHOWN | {"readers"}),
        ("HSET", {"readers"}),
    ],
}

NOBODYS = """
FLUSHALL|FLUSHDB|SWAPDB 0 0|KEYS *|RANDOMKEY|DBSIZE|SAVE|BGSAVE|BGREWRITEAOF|SHUTDOWN NOSAVE
CONFIG SET appendonly no|CONFIG REWRITE|CONFIG RESETSTAT|MODULE LIST|MEMORY DOCTOR
ACL LIST|ACL WHOAMI|ACL SETUSER x on nopass +@all|ACL SAVE|ACL LOAD|MONITOR|SLOWLOG GET
CLIENT LIST|CLIENT KILL ID 1|CLIENT PAUSE 1|CLIENT NO-EVICT on|LATENCY RESET|CLUSTER INFO
REPLICAOF NO ONE|FAILOVER|PSYNC ? -1|SYNC|MIGRATE h 1 k 0 1|RESTORE k 0 x|WAIT 0 0
EVAL return(1) 0|EVALSHA x 0|SCRIPT LOAD return(1)|SCRIPT FLUSH|FUNCTION FLUSH|FCALL f 0
MULTI|WATCH k|SUBSCRIBE c|PSUBSCRIBE *|PUBLISH c x|SORT k|OBJECT HELP|SELECT 0
""".replace("\n", "|").strip("|")


@pytest.mark.parametrize("role", ROLES)
async def test_role_may_do_to_each_key_what_its_task_needs(
    guarded: GuardedValkey, role: str
) -> None:
    """A gateway that could write to the journal could fence the engine, or forge a frame."""
    expected = {
        (command, key) for words, keys in ALLOWED[role] for command in words.split() for key in keys
    }
    link = await guarded.as_role(role).redis()
    permitted = {
        (name, key)
        for name, words in COMMANDS.items()
        for key, full in KEYS.items()
        if await _is_permitted(link, *(full if word == "KEY" else word for word in words))
    }
    await link.close()

    assert permitted == expected


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_governs_the_server(guarded: GuardedValkey, role: str) -> None:
    """Settings, scripts, transactions and other clients are the business of whoever runs it."""
    link = await guarded.as_role(role).redis()
    permitted = [
        command for command in NOBODYS.split("|") if await _is_permitted(link, *command.split())
    ]
    await link.close()

    assert permitted == []


async def test_as_shipped_the_file_loads_and_lets_nobody_in(own_valkey: OwnValkey) -> None:
    """Whoever forgets to set the passwords is refused; nobody runs open by mistake."""
    file = own_valkey.directory / "users.acl"
    file.write_text(SHIPPED)
    own_valkey.spawn(aclfile=str(file))

    for user in ("", *(f"{role}@" for role in ROLES)):
        connections = Connections(Endpoints(f"unix://{user}{own_valkey.socket}"))
        assert await _refusal(connections) in {"NOAUTH", "WRONGPASS"}


def test_every_rule_begins_with_nothing_and_adds_commands_by_name() -> None:
    """A category grows with each release of the server, a name does not."""
    for line in SHIPPED.splitlines()[1:]:
        words = line.split()
        assert words[2:4] == ["off", "resetchannels"], line
        assert words.index("-@all") < min(words.index(w) for w in words if w.startswith("+"))
        assert not [w for w in words if w.startswith("+@") or w in {"~*", "&*", "nopass"}], line
        assert all(key.startswith("{main}:") for key in re.findall(r"~(\S+)", line)), line


async def test_engine_is_granted_just_what_the_code_calls(guarded: GuardedValkey) -> None:
    """A new command that nobody grants would stop a guarded daemon; one too many is a door."""
    link = await guarded.connections.redis()
    known = {name.decode().upper() for name in await link.call("COMMAND", "LIST")}
    await link.close()
    files = [each for each in sources("engine", "persistence", "feeds") if "/cli/" not in each.path]
    words = {word for each in files for word in re.findall(r'"([A-Z]{3,})"', each.text)}
    words -= {"TYPE", "READONLY"}  # an option of SCAN, and a refusal
    words.remove("BGREWRITEAOF")  # asked of its own server alone

    assert granted("pitboss") == words & known


def granted(role: str) -> set[str]:
    """Return the commands that the shipped file grants to a role."""
    (rule,) = [line for line in SHIPPED.splitlines() if line.startswith(f"user {role} ")]
    return {word.upper() for word in re.findall(r" \+(\w+)", rule)}


async def _refusal(connections: Connections) -> str:
    """Return the code by which a server that comes up refuses a PING."""
    async with asyncio.timeout(20):
        while True:
            try:
                link = await connections.redis()
                await link.call("PING")
            except RedisReplyError as refusal:
                return str(refusal).partition(" ")[0]
            except LinkLost:
                await asyncio.sleep(0.01)
            else:
                return "let in"


async def _is_permitted(link: RedisLink, *words: str) -> bool:
    try:
        await link.call(*words)
    except RedisReplyError as refusal:
        return not str(refusal).startswith("NOPERM")
    return True
