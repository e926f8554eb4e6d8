"""What the journal needs of a Redis that we did not start ourselves."""

import re
from dataclasses import dataclass, field
from typing import Any

from engine.connections import RedisLink, RedisReplyError
from engine.redis_info import info_fields

_OLDEST = (6, 2)
_NEEDED = {
    "appendonly": ("yes", "without it a restart of Redis loses the journal"),
    "appendfsync": ("always", "otherwise a power cut loses frames that were acknowledged"),
    "no-appendfsync-on-rewrite": ("no", "otherwise a rewrite suspends appendfsync always"),
    "save": ("", "dumps only cost memory beside the append-only file"),
    "maxmemory-policy": ("noeviction", "otherwise Redis may throw the journal away"),
}


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """What is wrong (refuse to run, exit 78) and what could not be seen or is unwise."""

    wrong: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


async def check_redis_settings(link: RedisLink) -> SettingsReport:
    """Compare the server's settings with those the journal's promises rest on.

    Each line names the setting, its value, the one needed and why. Raises LinkLost.
    """
    names = [*_NEEDED, "maxmemory"]
    replies = await link.call_many(
        [("INFO",), *(("CONFIG", "GET", name) for name in names)],
    )
    info = _info(replies[0])
    report = SettingsReport()
    _check_server(info, report)
    forbidden = next((reply for reply in replies[1:] if isinstance(reply, RedisReplyError)), None)
    if forbidden is not None:
        _check_without_config(info, str(forbidden), report)
        return report
    found = {name: _value(reply) for name, reply in zip(names, replies[1:], strict=True)}
    for name, (needed, why) in _NEEDED.items():
        if found[name] != needed:
            report.wrong.append(_line(name, found[name], needed, why))
    if found["maxmemory"] == "0":
        report.warnings.append(
            "redis: maxmemory is 0, so no alarm can be given before memory runs out; set a limit"
        )
    return report


def _check_server(info: dict[str, str], report: SettingsReport) -> None:
    version = info.get("redis_version", "")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST:
        report.wrong.append(f"redis: version {version} is too old; use Redis >= 6.2 or Valkey")
    if info.get("role", "master") != "master":
        report.wrong.append("redis: this server is a replica; give redis.url its primary")


def _check_without_config(info: dict[str, str], refusal: str, report: SettingsReport) -> None:
    """Check what INFO tells; a hosted Redis often forbids CONFIG."""
    if info.get("aof_enabled") == "0":
        report.wrong.append(_line("appendonly", "no", *_NEEDED["appendonly"]))
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        report.wrong.append(_line("maxmemory-policy", policy, *_NEEDED["maxmemory-policy"]))
    report.warnings.append(
        f"redis: CONFIG GET is refused ({refusal}), so appendfsync cannot be seen: make sure that "
        "it is 'always', or a power cut may lose acknowledged frames"
    )


def _line(name: str, found: str, needed: str, why: str) -> str:
    shown = needed or '""'
    return f"redis: {name} is {found!r}, must be {needed!r}: {why} (CONFIG SET {name} {shown})"


def _info(reply: Any) -> dict[str, str]:
    return {} if isinstance(reply, RedisReplyError) else info_fields(reply)


def _value(reply: Any) -> str:
    return reply[1].decode() if reply else ""
