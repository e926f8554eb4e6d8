"""Why a connection failed, in words that hold no address, user or secret.

The libraries put all three into their texts, and whatever is raised ends in a log.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator

from asyncpg import PostgresError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.tls import tls_failure


def reply_text(error: RedisError) -> str:
    """Give back the code that redis-py took off the front of an error reply.

    What the server repeats of the request is cut off: it may be a password, or somebody's order.
    """
    text = f"{error.status_code} {error}" if error.status_code else str(error)
    return text.partition(", with args beginning with")[0]


def reason_of(error: BaseException) -> str:
    """Say what went wrong without the address, which the libraries put into their texts."""
    for cause in causes(error):
        reason = _plain_reason(cause)
        if reason is not None:
            return reason
    return f"connection closed ({type(error).__name__})"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised for, from the outside in."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _plain_reason(error: BaseException) -> str | None:
    reason: str | None = None
    match error:
        case PostgresError():
            reason = f"the server refused ({error.sqlstate}, {type(error).__name__})"
        case RedisError() if error.status_code:
            reason = reply_text(error)
        case TimeoutError() | RedisTimeoutError():
            reason = "no answer in time"
        case ssl.SSLError():
            reason = tls_failure(error)
        case socket.gaierror():
            reason = "the host name is not known"
        case UnicodeDecodeError():
            reason = "not UTF-8"
        case OSError(errno=int() as number) if number in errno.errorcode:
            reason = os.strerror(number)
    return reason
