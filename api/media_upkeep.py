"""Jobs over photos: what belongs to nothing goes after some days, and table and store are made to agree, both ways.

They run where the store is known, in the API; the store's jobs that need only the database run in the watch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from api.objects import PREFIXES, Objects
from incidents.postgres import jobs, media_store
from incidents.postgres.connection import Connection
from incidents.postgres.upkeep import Setting

_AT_ONCE = 500
_FEW = 100
"""Strangers that a crashed upload or two may well have left."""


def runs(objects: Objects) -> Mapping[str, jobs.Run]:
    """What this process can do of `jobs.JOBS`, by name."""

    def unattached(conn: Connection, now: datetime, setting: Setting) -> str:
        machines = now - timedelta(hours=setting["machine_hours"])
        return forget_unattached(conn, objects, now - timedelta(days=setting["days"]), machines)

    def swept(conn: Connection, now: datetime, setting: Setting) -> str:
        return sweep(conn, objects, now, timedelta(hours=setting["after_hours"]))

    return {"media_unattached": unattached, "media_sweep": swept}


def forget_unattached(
    conn: Connection, objects: Objects, before: datetime, of_machines: datetime
) -> str:
    """Remove photos that belong to nothing and were last sent before an instant (those of machines another): row first."""
    gone = 0
    while ids := media_store.forget_unattached(conn, before, _AT_ONCE, of_machines):
        for id_ in ids:
            objects.remove(id_)
        gone += len(ids)
    return f"清除未使用的照片 {gone} 张 / {gone} unused photos removed"


def sweep(
    conn: Connection, objects: Objects, now: datetime, after: timedelta, *, surely: bool = False
) -> str:
    """Make table and store agree on all that is older than `after`.

    Files that no row knows are removed, photos whose files are gone are marked, those whose files are back
    unmarked. When strangers are many nothing is removed unless `surely`: more likely than a hundred crashes
    is that this database and this store do not belong together.
    """
    before = now - after
    strangers: list[str] = []
    files = missing = back = 0
    for prefix in PREFIXES:
        there = objects.under(prefix)
        rows = media_store.rows_under(conn, prefix, before)
        files += len(there)
        strangers += [id_ for id_ in there if id_ not in rows and there[id_].newest < before]
        whole = {id_ for id_ in rows if id_ in there and there[id_].whole}
        # Listings may lag behind: a file is missed only when it was asked for by name.
        gone = [
            id_ for id_, old in rows.items() if old and id_ not in whole and not objects.whole(id_)
        ]
        media_store.missed(conn, gone, now)
        back += media_store.found_again(conn, list(whole))
        missing += len(gone)
    said = f"缺文件 {missing}，复得 {back} / {missing} without files, {back} back"
    return f"{_removed(objects, strangers, files, surely)}；{said}"


def _removed(objects: Objects, strangers: list[str], files: int, surely: bool) -> str:
    if len(strangers) > max(_FEW, files // 10) and not surely:
        return (
            f"无主文件 {len(strangers)} 组，共 {files} 组，未删除：数据库与照片存储是否配错？ / {len(strangers)} of {files} "
            "have no row; nothing was removed: do this database and this store belong together?"
        )
    for id_ in strangers:
        objects.remove(id_)
    return f"清除无主文件 {len(strangers)} 组 / {len(strangers)} without a row removed"
