"""What citizens tell on the telephone in the demo city, so that a picture of the queue shows a busy shift."""

from __future__ import annotations

from tests.journey.machines import Door

CALLS = (
    ("道路积水", "雨后积水没过脚踝，电动车过不去"),
    ("路灯异常", "学校后门一整排路灯不亮"),
    ("暴露垃圾", "小区门口垃圾堆了两天没人收"),
    ("占用消防通道", "消防通道停满了车，道闸打不开"),
    ("交通护栏异常", "护栏被撞倒，横在机动车道上"),
    ("行道树异常", "大树枝断了，压在电线上"),
    ("路缘石缺损", "路缘石缺了一块，老人绊倒过"),
    ("雨水箅子异常", "雨水箅子丢了，夜里看不见"),
    ("盲道缺损", "盲道砖翘起，轮椅也过不去"),
    ("渣土运输车辆未安装密闭装置", "渣土车没盖，洒了一路"),
    ("施工占道", "围挡占了半幅路，没有警示灯"),
    ("垃圾站（箱）满溢", "垃圾箱满了，味道很大"),
)
EAST = 0.0011
"""Degrees between one call's place and that of an incident that stands already."""


def ring(door: Door) -> None:
    """Have each call taken down, near incidents that the city has anyway."""
    told = door.ask("GET", "/api/v1/standards/names").json["categories"]
    keys = {one["zh"]: one["key"] for one in told}
    items = door.ask("GET", "/api/v1/incidents?limit=50").json["items"]
    near = [(one["lon"], one["lat"]) for one in items if one["lon"] is not None and one["cell"]]
    for at, (name, text) in enumerate(CALLS):
        lon, lat = near[at % len(near)]
        place = {"lon": lon + EAST * (at % 3 - 1), "lat": lat, "datum": "wgs84"}
        body = {"text": text, "category": keys[name], "position": place}
        answer = door.ask("POST", "/api/v1/reports", body)
        assert answer.status == 201, answer.body
