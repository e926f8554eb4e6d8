"""Tell systemd how the daemon is: ready, alive, stopping (the sd_notify protocol, no library).

Without NOTIFY_SOCKET in the environment every call is a no-op, so a daemon on a terminal needs no
special case.
"""

import asyncio
import os
import socket


def ready(status: str = "") -> None:
    """Say that start-up has ended and orders are taken."""
    _send("READY=1", status)


def alive() -> None:
    """Reset the watchdog; call it at least twice per `watchdog_interval_s`."""
    _send("WATCHDOG=1")


def stopping(status: str = "") -> None:
    """Say that the daemon drains and will end."""
    _send("STOPPING=1", status)


def status(text: str) -> None:
    """Set the line that `systemctl status` shows."""
    _send("", text)


def watchdog_interval_s() -> float | None:
    """Return how often to call `alive`, in seconds: half of what systemd allows, None if unasked.

    WATCHDOG_PID guards against a child that inherited the environment of its parent.
    """
    allowed_us = os.environ.get("WATCHDOG_USEC", "")
    asked = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not allowed_us.isdigit() or int(allowed_us) == 0 or asked != str(os.getpid()):
        return None
    return int(allowed_us) / 2_000_000


async def watchdog() -> None:
    """Say for ever that the event loop turns."""
    interval = watchdog_interval_s()
    while True:
        alive()
        await asyncio.sleep(10.0 if interval is None else interval / 2)


def _send(state: str, text: str = "") -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    lines = [state] if state else []
    if text:
        lines.append(f"STATUS={text.splitlines()[0]}")
    where = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.setblocking(False)
        try:
            out.sendto("\n".join(lines).encode(), where)
        except OSError:
            # The supervisor went away or is slow: no reason to stop the market. If it stays so,
            # its watchdog decides.
            return
