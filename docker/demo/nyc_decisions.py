"""What New York's demo decides by: its 37 categories, the agencies they go to, and two rules.

Which agency answers which complaint is read from the data; where two did, the one with more requests.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from demo import nyc

Body = dict[str, Any]

_UNSORTED = f"{nyc.CODE_SET}/matter/unsorted"
_AIR = f"{nyc.CODE_SET}/matter/air-quality"

_ZH = {
    "Abandoned Vehicle": "弃置车辆",
    "Blocked Driveway": "车道口被堵",
    "Bridge Condition": "桥梁状况",
    "Broken Parking Meter": "停车计时器损坏",
    "Dead Animal": "动物尸体",
    "Dirty Condition": "环境脏乱",
    "Drinking": "公共场所饮酒",
    "Dumpster Complaint": "大型垃圾箱投诉",
    "Encampment": "露宿营地",
    "Food Establishment": "餐饮场所",
    "Food Poisoning": "食物中毒",
    "Homeless Person Assistance": "救助无家可归者",
    "Illegal Dumping": "非法倾倒",
    "Illegal Fireworks": "违规燃放烟花",
    "Illegal Parking": "违章停车",
    "Lost Property": "失物",
    "Missed Collection": "垃圾漏收",
    "Mobile Food Vendor": "流动餐车",
    "Noise - Commercial": "商业噪声",
    "Noise - Helicopter": "直升机噪声",
    "Noise - Park": "公园噪声",
    "Noise - Residential": "住宅噪声",
    "Noise - Street/Sidewalk": "街面噪声",
    "Noise - Vehicle": "车辆噪声",
    "Non-Emergency Police Matter": "非紧急警务",
    "Panhandling": "乞讨",
    "Residential Disposal Complaint": "居民垃圾投放",
    "Rodent": "鼠患",
    "Street Condition": "路面状况",
    "Street Light Condition": "路灯状况",
    "Street Sign - Damaged": "路牌损坏",
    "Street Sign - Missing": "路牌缺失",
    "Street Sweeping Complaint": "道路清扫",
    "Taxi Complaint": "出租车投诉",
    "Traffic": "交通",
    "Traffic Signal Condition": "信号灯状况",
    "Violation of Park Rules": "违反公园规定",
}
"""The complaint types that appear, with our translation."""


def bodies() -> dict[str, Body]:
    """The bodies by kind, as `incidents.standards` reads them."""
    return {"standards": _standards(), "rules": _rules(), "routes": _routes()}


def agency_of() -> dict[str, str]:
    """The agency of each category."""
    counted: dict[str, Counter[str]] = {}
    for request in nyc.requests():
        counted.setdefault(request.category, Counter())[request.agency] += 1
    return {category: agencies.most_common(1)[0][0] for category, agencies in counted.items()}


def _standards() -> Body:
    rows = [
        {"key": nyc.category_key(type_), "zh": zh, "en": type_, "major": "311"}
        for type_, zh in sorted(_ZH.items())
    ]
    rows.append({"key": _AIR, "zh": "空气质量", "en": "Air Quality", "major": "311"})
    rows.append({"key": _UNSORTED, "zh": "未分类", "en": "Unsorted", "major": "311"})
    everything = [f"{nyc.CODE_SET}/matter/*"]
    return {
        "categories": rows,
        "nearby": [
            {"categories": [_AIR, _UNSORTED], "never": True},
            {"categories": everything, "metres": 50, "within_minutes": 1440},
        ],
        "departments": [
            {"code": code, "zh": name.partition(" ")[0], "en": name.partition(" ")[2]}
            for code, name in nyc.AGENCIES.items()
        ],
        "unsorted": _UNSORTED,
    }


def _rules() -> Body:
    return {
        "rules": [
            {
                "kind": "threshold",
                "code": "pm25-heavy",
                "name_zh": "PM2.5 持续超标",
                "name_en": "PM2.5 over limit for a time",
                "category": _AIR,
                "metric": "air.pm25",
                "direction": "above",
                "raise": 150.0,
                "clear": 115.0,
                "for_s": 45,
                "basis": "连续三小时超过 150 µg/m³；演示把一小时压成十五秒",
            },
            {
                "kind": "report",
                "code": "any-311",
                "name_zh": "任何 311 请求",
                "name_en": "any 311 request",
                "categories": [f"{nyc.CODE_SET}/matter/*"],
            },
        ]
    }


def _routes() -> Body:
    """One route an agency; a pattern is a prefix, so the agency with the most requests comes last."""
    by_agency: dict[str, list[str]] = {}
    for category, agency in sorted(agency_of().items()):
        by_agency.setdefault(agency, []).append(category)
    by_agency.setdefault("DOHMH", []).append(_AIR)
    ordered = sorted(by_agency.items(), key=lambda item: len(item[1]))
    return {
        "routes": [
            {
                "code": agency.lower(),
                "categories": categories,
                "department": agency,
                "automatic": True,
            }
            for agency, categories in ordered
        ]
    }
