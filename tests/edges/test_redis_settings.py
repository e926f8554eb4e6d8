"""The journal's promises rest on settings of Redis; a wrong one is named before the first frame."""

import pytest

from engine.connections import Connections, Endpoints, RedisLink
from persistence.redis_settings import check_redis_settings


async def test_our_own_server_has_nothing_to_complain_about(link: RedisLink) -> None:
    """What we start ourselves must pass what we ask of others."""
    report = await check_redis_settings(link)
    assert report.wrong == []
    assert report.warnings == []


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("save", "900 1", ""),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ],
)
async def test_wrong_setting_is_named_with_its_remedy(
    link: RedisLink, name: str, wrong: str, right: str
) -> None:
    """Each of them loses acknowledged frames in some failure."""
    await link.call("CONFIG", "SET", name, wrong)
    try:
        (line,) = (await check_redis_settings(link)).wrong
    finally:
        await link.call("CONFIG", "SET", name, right)
    assert f"{name} is '{wrong}', must be '{right}'" in line
    assert f"CONFIG SET {name}" in line


async def test_unbounded_memory_is_a_warning(link: RedisLink) -> None:
    """Without a limit the alarms at 70, 85 and 95 % have nothing to measure."""
    (_, limit) = await link.call("CONFIG", "GET", "maxmemory")
    await link.call("CONFIG", "SET", "maxmemory", 0)
    try:
        report = await check_redis_settings(link)
    finally:
        await link.call("CONFIG", "SET", "maxmemory", limit)
    assert report.wrong == []
    assert "maxmemory is 0" in report.warnings[0]


async def test_forbidden_config_is_said_and_the_rest_is_checked(
    servers: Endpoints, link: RedisLink, shard: str
) -> None:
    """A hosted Redis forbids CONFIG; INFO still shows whether there is an append-only file."""
    await link.call("ACL", "SETUSER", shard, "on", "nopass", "+@all", "-config", "~*")
    url = servers.redis_url.replace("unix://", f"unix://{shard}:any@")
    guest = await Connections(Endpoints(url)).redis()
    report = await check_redis_settings(guest)
    assert report.wrong == []
    assert "appendfsync cannot be seen" in report.warnings[0]

    await link.call("CONFIG", "SET", "appendonly", "no")
    try:
        report = await check_redis_settings(guest)
    finally:
        await link.call("CONFIG", "SET", "appendonly", "yes")
    assert "appendonly" in report.wrong[0]
    await guest.close()
