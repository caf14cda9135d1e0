"""Who may send: bearer tokens with the scope `ingest`, asked of the store and remembered for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence

import psycopg
from psycopg_pool import PoolTimeout

from incidents.postgres import accounts, media_store
from incidents.postgres import connection as connections
from incidents.postgres.accounts import Account
from incidents.postgres.media_store import Named

FRESH_S = 10.0
"""A token taken back is refused after this long at the latest."""
STALE_S = 300.0
"""While the database is away a token known before is believed for so long: the machines' door stays open."""
REMEMBERED = 10_000
SCOPE = "ingest"


class Unadmitted(Exception):
    """401 or 403, or 503 when nobody can tell; `told` is title, Chinese, English."""

    def __init__(self, status: int, code: str, told: tuple[str, str, str]) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.told = told


class Admission:
    """Finds the account of a token; a small pool, asked in threads."""

    def __init__(self, database_url: str) -> None:
        self._pool = connections.pool(database_url, "gateway", 4)
        self._known: OrderedDict[bytes, tuple[float, Account | None]] = OrderedDict()

    async def admit(self, authorization: str) -> Account:
        """The account; Unadmitted."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            told = ("须表明身份 / say who you are", "请带 Bearer 令牌", "send a bearer token")
            raise Unadmitted(401, "unauthenticated", told)
        account = await self._account(token.strip())
        if account is None:
            told = ("令牌无效 / unknown token", "令牌不存在或已停用", "unknown or inactive token")
            raise Unadmitted(401, "unauthenticated", told)
        if SCOPE not in account.scopes:
            told = (
                "无权上报 / may not send",
                f"账户“{account.name}”没有 ingest 权限",
                f"account {account.name!r} lacks the scope ingest",
            )
            raise Unadmitted(403, "forbidden", told)
        return account

    async def _account(self, token: str) -> Account | None:
        mark = hashlib.sha256(token.encode()).digest()
        now = time.monotonic()
        asked, known = self._known.get(mark, (float("-inf"), None))
        if now - asked < FRESH_S:
            return known
        try:
            found = await asyncio.to_thread(self._find, token)
        except (psycopg.OperationalError, PoolTimeout) as fault:
            if known is not None and now - asked < STALE_S:
                return known
            told = ("暂时无法核对 / cannot tell now", "数据库不可用", "the database is away")
            raise Unadmitted(503, "unavailable", told) from fault
        self._known[mark] = (now, found)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _find(self, token: str) -> Account | None:
        self._pool.open()
        with self._pool.connection() as connection:
            return accounts.find(connection, token)

    async def pictures(self, ids: Sequence[str]) -> dict[str, Named] | None:
        """Those of these photos that are there; None when the database does not say."""
        try:
            return await asyncio.to_thread(self._pictures, ids)
        except (psycopg.OperationalError, PoolTimeout):
            return None

    def _pictures(self, ids: Sequence[str]) -> dict[str, Named]:
        self._pool.open()
        with self._pool.connection(timeout=1.0) as connection:
            return media_store.named_by_events(connection, ids)

    def database_answers(self) -> bool:
        """Whether the database can be asked now."""
        try:
            self._pool.open()
            with self._pool.connection(timeout=1.0) as connection:
                connection.execute("select 1")
        except (psycopg.OperationalError, PoolTimeout):
            return False
        return True

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()
