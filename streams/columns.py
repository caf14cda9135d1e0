"""The rows of several envelopes as one set of numpy columns, each row found good or refused with a reason.

Knows nothing of devices' ids or places; those are looked up in one go for all rows (known.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from grid.coordinates import Datum, to_wgs84
from streams.wire import Readings

EARLIEST_MS = 946_684_800_000
"""2000-01-01 UTC: what claims to be older is a clock that was never set."""
EARLIEST = datetime.fromtimestamp(EARLIEST_MS / 1000, UTC)
AHEAD_MS = 86_400_000
"""A day: what claims to be later than that from now is a clock gone wrong."""
LARGEST = 1e18
"""What claims to be larger is no measurement; sums of such values would overflow and spoil a whole minute's."""

_INT64 = np.iinfo(np.int64)


class Refusal(IntEnum):
    """Why a row of a good envelope is not stored; the name is the quarantine's reason."""

    NONE = 0
    VALUE_MISSING = 1
    AT_OUT_OF_RANGE = 2
    DEVICE_UNFIT = 3
    METRIC_UNFIT = 4
    VALUE_OUT_OF_RANGE = 5

    @property
    def reason(self) -> str:
        """The stable code of the reason."""
        return self.name.lower()

    @property
    def detail(self) -> str:
        """What is wrong and what would be right, in both languages."""
        return _DETAILS[self]


_DETAILS = {
    Refusal.NONE: "",
    Refusal.VALUE_MISSING: "value 缺失或不是有限的数 / value is missing or not a finite number",
    Refusal.AT_OUT_OF_RANGE: (
        "at 早于 2000-01-01 或晚于现在 24 小时以上，应为 1970 年以来的毫秒数（UTC） / "
        "at is before 2000-01-01 or more than 24 h ahead; milliseconds since 1970 UTC are meant"
    ),
    Refusal.DEVICE_UNFIT: (
        "设备编号为空、过长或含控制字符 / the device code is empty, longer than 128 characters or "
        "holds control characters"
    ),
    Refusal.VALUE_OUT_OF_RANGE: "value 的绝对值大于 1e18 / value is larger than 1e18 either way",
    Refusal.METRIC_UNFIT: (
        "指标编号为空、过长、含控制字符，或指标数已达上限 / the metric code is empty, longer than 128 "
        "characters, holds control characters, or there are too many metrics"
    ),
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows of `envelopes`, one after the other.

    `envelope` says which envelope a row is from, `item` its index there. `lon` and `lat` are WGS-84
    degrees, NaN where the reading brings no place; None when no envelope brings any.
    """

    envelopes: Sequence[Readings]
    envelope: NDArray[np.int32]
    item: NDArray[np.int32]
    device: list[str]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.int16]
    lon: NDArray[np.float64] | None
    lat: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.device)

    def metric_of(self, ids: dict[str, int], unknown: int) -> NDArray[np.int16]:
        """Each row's metric id, `unknown` where the code has none."""
        found = np.empty(len(self), np.int16)
        begin = 0
        for one in self.envelopes:
            end = begin + len(one.device)
            if isinstance(one.metric, str):
                found[begin:end] = ids.get(one.metric, unknown)
            else:
                found[begin:end] = [ids.get(code, unknown) for code in one.metric]
            begin = end
        return found

    def refused(self, now_ms: int) -> NDArray[np.int8]:
        """A Refusal per row, NONE for good ones, as far as value and time tell."""
        why = np.zeros(len(self), np.int8)
        why[(self.at < EARLIEST_MS) | (self.at > now_ms + AHEAD_MS)] = Refusal.AT_OUT_OF_RANGE
        why[np.abs(self.value) > LARGEST] = Refusal.VALUE_OUT_OF_RANGE
        why[~np.isfinite(self.value)] = Refusal.VALUE_MISSING
        return why

    def row_as_json(self, row: int) -> bytes:
        """A row by itself as the gateway would take it, for quarantine."""
        one, item = self.envelopes[int(self.envelope[row])], int(self.item[row])
        told: dict[str, Any] = {
            "device": one.device[item],
            "metric": one.metric if isinstance(one.metric, str) else one.metric[item],
            "at": one.at[item],
            "value": one.value[item],
        }
        for name in ("lon", "lat", "quality"):
            column = getattr(one, name)
            if column is not None:
                told[name] = column[item]
        if one.datum is not None:
            told["datum"] = one.datum
        told |= {"source": one.source, "batch": one.batch}
        return msgspec.json.encode(told)


def fit_code(code: str) -> bool:
    """Whether a text may name a device or a metric: 1 to 128 characters, none of them a control character."""
    return 0 < len(code) <= 128 and code.isprintable() and code.strip() == code


def gather(envelopes: Sequence[Readings]) -> Gathered:
    """The rows of several envelopes as columns."""
    sizes = [len(one.device) for one in envelopes]
    lists: tuple[list[str], list[int], list[float | None]] = ([], [], [])
    for one in envelopes:
        lists[0].extend(one.device)
        lists[1].extend(one.at)
        lists[2].extend(one.value)
    lon, lat = _places(envelopes, sizes)
    return Gathered(
        envelopes=envelopes,
        envelope=np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        item=_count_up(sizes),
        device=lists[0],
        at=_whole(lists[1]),
        value=np.array(lists[2], np.float64),
        quality=_qualities(envelopes, sizes),
        lon=lon,
        lat=lat,
    )


def _count_up(sizes: Sequence[int]) -> NDArray[np.int32]:
    if not sizes:
        return np.empty(0, np.int32)
    return np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])


def _whole(numbers: list[int]) -> NDArray[np.int64]:
    """Integers of any size as int64; those that do not fit become its limits, and so out of range."""
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        return np.array([min(max(n, _INT64.min), _INT64.max) for n in numbers], np.int64)


def _qualities(envelopes: Sequence[Readings], sizes: Sequence[int]) -> NDArray[np.int16]:
    whole = np.zeros(sum(sizes), np.int16)
    begin = 0
    for one, size in zip(envelopes, sizes, strict=True):
        if one.quality is not None:
            whole[begin : begin + size] = np.clip(_whole(one.quality), 0, 255)
        begin += size
    return whole


def _places(
    envelopes: Sequence[Readings], sizes: Sequence[int]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """WGS-84 degrees of the rows that bring a place, each envelope converted from its own datum."""
    if all(one.lon is None for one in envelopes):
        return None, None
    lon, lat = np.full(sum(sizes), np.nan), np.full(sum(sizes), np.nan)
    begin = 0
    for one, size in zip(envelopes, sizes, strict=True):
        if one.lon is not None and one.lat is not None and one.datum is not None:
            span = slice(begin, begin + size)
            given = np.array(one.lon, np.float64), np.array(one.lat, np.float64)
            lon[span], lat[span] = to_wgs84(*given, Datum(one.datum))
        begin += size
    return lon, lat
