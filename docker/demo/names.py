"""What the fictional city is called, and the codes of its areas.

Region codes begin with 99: GB/T 2260 gives the first two digits to provinces and uses 11 to 82
(with 91 seen in some lists for places abroad), so no place has a code that begins like these.
Streets count from 001 as GB/T 10114 does for 街道, communities from 001 as 居委会 do.
"""

from __future__ import annotations

CITY = "云汀市"
REGION = "990100"
"""The city as a whole: incidents outside every cell are numbered under it."""

TIME_ZONE = "Asia/Shanghai"

DISTRICTS: tuple[tuple[str, str, tuple[tuple[str, tuple[str, ...]], ...]], ...] = (
    (
        "990102",
        "汀北区",
        (
            ("文澜街道", ("藏书巷", "文澜里", "砖桥", "望京门", "月牙湖")),
            ("钟楼街道", ("钟楼东", "钟楼西", "棋盘街", "鼓角巷", "北园")),
            ("北闸街道", ("老闸口", "茶市", "丝行", "北闸新村", "砚池")),
            ("石坊街道", ("石坊", "药市巷", "青竹园", "东门外", "九曲")),
        ),
    ),
    (
        "990103",
        "青埠区",
        (
            ("青埠街道", ("青埠头", "船厂一村", "船厂二村", "渔市", "东滩")),
            ("盐仓街道", ("盐仓", "灯塔路", "新港", "锚地", "南堤")),
        ),
    ),
    (
        "990104",
        "望岫区",
        (
            ("望岫街道", ("望岫台", "枫林", "鹿鸣", "南塘", "松风")),
            ("书院街道", ("书院", "大学里", "科创园", "白鹭溪", "桂子坪")),
        ),
    ),
)
"""Code and name of each district, its streets, and their communities."""

SIDE_OF_DISTRICT = (0, 2, 1)
"""Which side of the drawn land (north, south-west, south-east) each district takes."""


def street_code(district: str, street: int) -> str:
    """The code of the street that stands at that place in its district, counted from 0."""
    return f"{district}{street + 1:03d}"


def community_code(district: str, street: int, community: int) -> str:
    """The code of a community, places counted from 0."""
    return f"{street_code(district, street)}{community + 1:03d}"


def area_names() -> dict[str, str]:
    """The names of all districts, streets and communities by code."""
    names: dict[str, str] = {}
    for district, title, streets in DISTRICTS:
        names[district] = title
        for i, (street, communities) in enumerate(streets):
            names[street_code(district, i)] = street
            for j, community in enumerate(communities):
                names[community_code(district, i, j)] = f"{community}社区"
    return names
