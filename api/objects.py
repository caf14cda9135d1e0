"""Where photos lie as files: a folder by default, S3 or another object store by URL; the same calls for all."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore
from obstore.exceptions import BaseError, NotSupportedError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from incidents.errors import Unavailable

if TYPE_CHECKING:  # obstore gives these names to type checkers only
    from obstore.store import ClientConfig, RetryConfig

PREFIXES = tuple(f"{n:02x}" for n in range(256))
"""Files stand in 256 folders by the first two digits of their id, so that no folder and no listing grows too long."""
_SUFFIXES = (".jpg", ".small.jpg")
# The operator writes the scheme into AWS_ENDPOINT: a store inside the house is often plain HTTP.
_PATIENCE: ClientConfig = {"connect_timeout": "5s", "timeout": "30s", "allow_http": True}
_AGAIN: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """Files of one id in the store: whether both are there, and when the newest was written."""

    whole: bool
    newest: datetime


class Objects:
    """The files of photos: of each id the picture and its thumbnail. Unavailable when the store does not answer."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def at(cls, url: str, home: Path) -> Objects:
        """The store at a URL: `s3://bucket/prefix`, `az://…`, `gs://…`, `file:///folder`, `memory:///`; empty: `home/media`.

        Keys come from the store's own variables (AWS_ACCESS_KEY_ID, AWS_ENDPOINT …), never from the URL. ValueError.
        """
        if url.startswith("memory:"):
            return cls(MemoryStore())
        if url.startswith("file://") or not url:
            folder = Path(url.removeprefix("file://")) if url else (home / "media").absolute()
            folder.mkdir(
                mode=0o700, parents=True, exist_ok=True
            )  # faces and number plates: ours alone
            return cls(LocalStore(folder), folder)
        try:
            return cls(from_url(url, client_options=_PATIENCE, retry_config=_AGAIN))
        except (BaseError, ValueError) as fault:
            raise ValueError(f"YIWANG_MEDIA: {_first_line(fault)}") from fault

    def put(self, id_: str, picture: bytes, thumbnail: bytes) -> None:
        """Keep both files of a new photo; refuses to write over any that is there."""
        for suffix, data in zip(_SUFFIXES, (picture, thumbnail), strict=True):
            name = _name(id_, suffix)
            self._asked(self._put, name, data)

    def get(self, id_: str, *, small: bool = False) -> bytes | None:
        """The picture or its thumbnail; None when it is not there."""
        found = self._asked(self._get, _name(id_, _SUFFIXES[small]))
        return found if isinstance(found, bytes) else None

    def remove(self, id_: str) -> None:
        """Take both files away; those that are gone already are no fault."""
        for suffix in _SUFFIXES:
            self._asked(self._remove, _name(id_, suffix))

    def under(self, prefix: str) -> dict[str, Found]:
        """What is there of the ids that begin with two digits."""
        return self._asked(self._under, prefix)  # type: ignore[no-any-return]

    def whole(self, id_: str) -> bool:
        """Whether both files of a photo are there now."""
        return all(self._asked(self._there, _name(id_, suffix)) for suffix in _SUFFIXES)

    def _put(self, name: str, data: bytes) -> None:
        try:
            obstore.put(self._store, name, data, mode="create", use_multipart=False)
        except (
            NotSupportedError
        ):  # an S3 without conditional writes: 128 random bits do not meet either
            obstore.put(self._store, name, data, use_multipart=False)
        if self._folder is not None:
            _settle(self._folder / name)

    def _get(self, name: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError:
            return None

    def _there(self, name: str) -> bool:
        try:
            return obstore.head(self._store, name)["size"] > 0
        except FileNotFoundError:
            return False

    def _remove(self, name: str) -> None:
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            return

    def _under(self, prefix: str) -> dict[str, Found]:
        times: dict[str, list[datetime]] = {}
        for batch in obstore.list(self._store, prefix):
            for meta in batch:
                id_ = meta["path"].rpartition("/")[2].partition(".")[0]
                times.setdefault(id_, []).append(meta["last_modified"])
        return {id_: Found(len(each) == len(_SUFFIXES), max(each)) for id_, each in times.items()}

    def _asked(self, ask: Callable[..., Any], *given: Any) -> Any:
        try:
            return ask(*given)
        except (BaseError, OSError) as fault:
            _log.warning("照片存储出错 / the store of photos: %s", _first_line(fault))
            raise Unavailable(
                zh="照片存储暂时不可用，请稍后重试（原因见接口日志）",
                en="the store of photos does not answer; try again (the API's log says why)",
            ) from fault


def _name(id_: str, suffix: str) -> str:
    return f"{id_[:2]}/{id_}{suffix}"


def _settle(file: Path) -> None:
    """Onto the disk before the row says that it is there: a row must not outlive its file when the power goes."""
    for path in (file, file.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0][:200]
