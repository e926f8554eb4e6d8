"""The shipped users of Redis, with passwords set as the runbook says, on a Valkey of the test's."""

import hashlib
import secrets
from pathlib import Path

from engine.connections import Connections, Endpoints
from tests.house.source import ROOT
from tests.line.valkey import OwnValkey

SHIPPED = (ROOT / "deploy" / "redis-users.acl").read_text(encoding="utf-8")
ROLES = tuple(line.split()[1] for line in SHIPPED.splitlines())[1:]
_ADMIN = "user admin on nopass ~* &* +@all\n"


class GuardedValkey(OwnValkey):
    """A Valkey that lets in the shipped users, and `admin` for the test itself."""

    def __init__(self, shard: str) -> None:
        super().__init__(user="admin")
        self.passwords = {role: self.directory / f"{role}.password" for role in ROLES}
        users = SHIPPED.replace("{main}", f"{{{shard}}}")
        for role, file in self.passwords.items():
            password = f"canary-{secrets.token_hex(12)}"
            file.write_text(password + "\n")
            file.chmod(0o600)
            digest = hashlib.sha256(password.encode()).hexdigest()
            users = users.replace(f"user {role} off ", f"user {role} on #{digest} ")
        file = self.directory / "users.acl"
        file.write_text(users + _ADMIN)
        self._settings["aclfile"] = str(file)

    def url_of(self, role: str) -> str:
        """Return `redis.url` for a role."""
        return f"unix://{role}@{self.socket}"

    def as_role(self, role: str) -> Connections:
        """Return factories of links that log in as a role."""
        return Connections(Endpoints(self.url_of(role), redis_password_file=self.passwords[role]))

    def configure(self, role: str, shard: str, directory: Path, dsn: str = "") -> Path:
        """Write a configuration under which commands log in as a role; return its path."""
        file = directory / f"{role}.toml"
        file.write_text(
            f'shard = "{shard}"\n[redis]\nurl = "{self.url_of(role)}"\n'
            f'password_file = "{self.passwords[role]}"\n'
            + (f'[postgres]\ndsn = "{dsn}"\n' if dsn else "")
        )
        return file

    async def set_password(self, role: str, password: str) -> None:
        """Change a role's password, and end its connections."""
        link = await self.connections.redis()
        await link.call("ACL", "SETUSER", role, "resetpass", f">{password}")
        await link.call("CLIENT", "KILL", "USER", role)
        await link.close()

    async def forget(self) -> None:
        """Begin its statistics and its list of refusals anew."""
        link = await self.connections.redis()
        await link.call("CONFIG", "RESETSTAT")
        await link.call("ACL", "LOG", "RESET")
        await link.close()

    async def refused(self) -> list[list[str]]:
        """Return whom it has refused what: user and command or key."""
        link = await self.connections.redis()
        entries = [
            dict(zip(entry[::2], entry[1::2], strict=True))
            for entry in await link.call("ACL", "LOG", 128)
        ]
        await link.close()
        return [[each[b"username"].decode(), each[b"object"].decode()] for each in entries]

    async def statistics(self) -> bytes:
        """Return which commands it has carried out."""
        link = await self.connections.redis()
        statistics: bytes = await link.call("INFO", "commandstats")
        await link.close()
        return statistics
