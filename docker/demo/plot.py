"""What happens on a day of the demo city: which devices get into trouble, what cameras see, who calls.

Drawn by dice whose seed is the day's number; the first half minute always has something of
everything, so that whoever opens the page sees the whole path move.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from demo.day import DAY_S, HABITS, Call, Day, Episode, Sighting
from demo.fleet import CODE_SET, Device
from grid.component import Component
from grid.coordinates import Datum, Position, metres_per_degree

_RAIN_FROM, _RAIN_FOR, _FLOODED = 420, 300, 5

_SEEN = (
    ("09006", "street_trading", "视频识别：占道经营"),
    ("09005", "shop_overflow", "视频识别：店外经营"),
    ("09001", "itinerant_vendor", "视频识别：无照经营游商"),
    ("09009", "illegal_parking", "视频识别：机动车乱停放"),
    ("09010", "bike_parking", "视频识别：非机动车乱停放"),
    ("06010", "exposed_litter", "视频识别：暴露垃圾"),
    ("06036", "piled_clutter", "视频识别：乱堆杂物"),
    ("09012", "fire_lane_blocked", "视频识别：占用消防通道"),
    ("06014", "spillage", "视频识别：道路遗撒"),
)
"""Matter code (GB/T 47678.5), the camera's own word for it, text."""

_SAID = (
    ("06013", "路面有个坑，电动车差点摔倒，请尽快修补"),
    ("06012", "人行道上有一大片泥土和落叶没有清扫"),
    ("06010", "路口堆着几袋垃圾，已经有味道了"),
    ("01037", "这一段路灯晚上不亮，走路看不清"),
    ("01002", "井盖松动，车一过就响，夜里影响休息"),
    ("06028", "楼下音响声音太大，已经持续一个多小时"),
    ("08004", "工地没有洒水，风一吹全是灰"),
    ("04002", "行道树的树枝折断，搭在非机动车道上"),
    ("09011", "共享单车堆满了人行道，轮椅过不去"),
    ("06050", "路缘石缺了一块，小孩容易绊倒"),
    ("10002", "有一根线缆垂下来，离地不到两米"),
    ("06045", "有人在小区边的绿地里种菜"),
)
"""Matter code and what the caller says."""

_CITIZEN = "citizen"
_INSPECTORS_SHARE = 2 / 3


def tell(devices: Sequence[Device], places: Sequence[Component], number: int) -> Day:
    """The day of that number; `places` are facilities near which people find something wrong."""
    dice = random.Random(f"yiwang demo day {number}")
    episodes = tuple(sorted(_episodes(devices, dice), key=lambda e: e.start))
    by_device: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        by_device[episode.device].append(episode)
    return Day(
        number=number,
        episodes=episodes,
        sightings=tuple(_sightings(devices, dice, number)),
        calls=tuple(_calls(places, dice, number)),
        by_device={code: tuple(mine) for code, mine in by_device.items()},
    )


def _episodes(devices: Sequence[Device], dice: random.Random) -> list[Episode]:
    found: list[Episode] = []
    for metric, habit in HABITS.items():
        able = [d.code for d in devices if metric in d.metrics]
        if not able:
            continue
        chosen = dice.sample(able, min(habit.episodes, len(able)))
        for i, code in enumerate(chosen):
            share = (i + dice.random()) / len(chosen)
            found.append(
                Episode(
                    code,
                    int(40 + share * max(60, DAY_S - 80 - habit.lasts[1])),
                    dice.randint(*habit.lasts),
                )
            )
    found += _rain(devices, dice)
    found += _opening(devices, dice, {e.device for e in found})
    return found


def _opening(devices: Sequence[Device], dice: random.Random, busy: set[str]) -> list[Episode]:
    """The day begins with a shifted manhole cover, a full bin and a gas smell."""
    firsts = []
    for metric, start in (("manhole.tilt", 3), ("gas.lel", 12), ("bin.fill", 20)):
        able = [d.code for d in devices if metric in d.metrics and d.code not in busy]
        if able:
            firsts.append(Episode(dice.choice(able), start, HABITS[metric].lasts[0] + 30))
    return firsts


def _rain(devices: Sequence[Device], dice: random.Random) -> list[Episode]:
    """An afternoon's shower: water on low roads, then in the wells."""
    wet: list[Episode] = []
    for metric, after in (("road.water", 20), ("well.level", 60)):
        able = [d.code for d in devices if metric in d.metrics]
        for code in dice.sample(able, min(_FLOODED, len(able))):
            start = _RAIN_FROM + after + dice.randint(0, 90)
            wet.append(Episode(code, start, _RAIN_FOR - after + dice.randint(0, 60)))
    return wet


def _sightings(devices: Sequence[Device], dice: random.Random, number: int) -> list[Sighting]:
    """About one a quarter minute; one in four is seen again a little later, one in six is unsure."""
    cameras = [d for d in devices if not d.metrics]
    found: list[Sighting] = []
    second = 5
    while cameras and second < DAY_S - 60:
        camera, (code, kind, text) = dice.choice(cameras), dice.choice(_SEEN)
        sure = dice.uniform(0.30, 0.55) if dice.random() < 1 / 6 else dice.uniform(0.72, 0.98)
        first = Sighting(
            second=second,
            id=f"d{number}-{len(found) + 1:04d}",
            camera=camera.code,
            category=f"{CODE_SET}/matter/{code}",
            kind=kind,
            score=round(sure, 2),
            zones=(dice.choice(("人行道", "机动车道", "消防通道", "路口")),),
            place=_near(camera.position, 12, dice),
            text=text,
        )
        found.append(first)
        if dice.random() < 1 / 4:
            again = f"d{number}-{len(found) + 1:04d}"
            found.append(replace(first, id=again, second=second + dice.randint(15, 50)))
        second += dice.randint(10, 22)
    return sorted(found, key=lambda s: (s.second, s.id))


def _calls(places: Sequence[Component], dice: random.Random, number: int) -> list[Call]:
    """About two a minute; one in five tells of what somebody has told already, in other words."""
    found: list[Call] = []
    second = 9
    while places and second < DAY_S - 60:
        code, text = dice.choice(_SAID)
        facility = dice.choice(places)
        inspector = dice.random() < _INSPECTORS_SHARE
        call = Call(
            second=second,
            id=f"d{number}-{len(found) + 1:04d}",
            category=f"{CODE_SET}/matter/{code}",
            text=text,
            place=_near(facility.position, 8, dice).into(Datum.GCJ02),
            accuracy=15.0 if inspector else 60.0,
            by=f"inspector-{facility.region}" if inspector else _CITIZEN,
        )
        found.append(call)
        if dice.random() < 1 / 5:
            found.append(_retold(call, f"d{number}-{len(found) + 1:04d}", dice))
        second += dice.randint(20, 40)
    return sorted(found, key=lambda c: (c.second, c.id))


def _retold(call: Call, id_: str, dice: random.Random) -> Call:
    return replace(
        call,
        id=id_,
        second=call.second + dice.randint(20, 60),
        text=f"前面已有人反映过：{call.text}",
        place=_near(call.place, 10, dice),
        by=_CITIZEN,
    )


def _near(place: Position, metres: float, dice: random.Random) -> Position:
    """A place a few metres off, in the same datum."""
    east, north = metres_per_degree(place.lat)
    return Position(
        round(place.lon + dice.uniform(-metres, metres) / float(east), 7),
        round(place.lat + dice.uniform(-metres, metres) / float(north), 7),
        place.datum,
    )
