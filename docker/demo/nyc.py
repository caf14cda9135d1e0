"""A real night: New York's census tracts as cells, its 311 requests as reports, Beijing's PM2.5 as a sensor.

Where the data come from and on what terms: `demo/data/README.md`. Nothing is invented but the codes.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from shapely.geometry import shape

from demo.city import City
from demo.fleet import Device
from grid.coordinates import Datum, Position
from grid.edition import Edition

DATA = Path(__file__).parent / "data"
TRACTS = DATA / "nyc_census_tracts_2010_wgs84.geojson.gz"
REQUESTS = DATA / "nyc311_2022-05-01.csv.gz"
SERIES = DATA / "beijing_pm25_hourly_2010-2014.csv.gz"

NAME, REGION, TIME_ZONE = "纽约市 New York City", "993600", "America/New_York"
HOLDS_FROM = date(2010, 1, 1)
CODE_SET = "nyc311"
PM25_DEVICE = "BJ-PM25"

BOROUGHS = {
    "1": "曼哈顿 Manhattan",
    "2": "布朗克斯 The Bronx",
    "3": "布鲁克林 Brooklyn",
    "4": "皇后区 Queens",
    "5": "史坦顿岛 Staten Island",
}

AGENCIES = {
    "NYPD": "市警察局 Police Department",
    "DSNY": "市环卫局 Department of Sanitation",
    "DOT": "市交通局 Department of Transportation",
    "DOHMH": "市卫生局 Department of Health and Mental Hygiene",
    "TLC": "出租车管理委员会 Taxi and Limousine Commission",
    "DHS": "市无家可归者服务局 Department of Homeless Services",
    "EDC": "经济发展公司 Economic Development Corporation",
    "DPR": "市公园局 Department of Parks and Recreation",
}
"""The departments of this demo: the agencies that appear in the data, Chinese first."""


@dataclass(frozen=True, slots=True)
class Request:
    """One service request as New York recorded it; the place is WGS-84 degrees or None."""

    key: str
    created: datetime
    agency: str
    complaint: str
    descriptor: str
    lon: float | None
    lat: float | None

    @property
    def category(self) -> str:
        """The key of its category in the code set `nyc311`."""
        return category_key(self.complaint)


def category_key(complaint: str) -> str:
    """A complaint type as a category: small letters, anything else one dash."""
    slug = re.sub(r"[^a-z0-9]+", "-", complaint.lower()).strip("-")
    return f"{CODE_SET}/matter/{slug}"


def cell_code(geoid: str, nta: str) -> str:
    """The 15 characters of a tract, from which its seven digits can be read back.

    993600 would be the city; `9936` + `0` + borough digit is the district (36 is New York's FIPS
    number; 99 is not in GB/T 2260), `0` + the two digits of the neighbourhood tabulation area the
    street, the first three digits of the tract number the community, its last three the sequence.
    """
    return f"99360{geoid[0]}0{nta[2:]}{geoid[1:]}"


def geoid_of(code: str) -> str:
    """The census bureau's seven digits of a cell."""
    return code[5] + code[9:]


@cache
def edition() -> Edition:
    """The 2,166 tracts as an edition; takes about a second."""
    with gzip.open(TRACTS, "rt", encoding="utf-8") as file:
        features = json.load(file)["features"]
    codes = [cell_code(f["properties"]["geoid"], f["properties"]["nta"]) for f in features]
    return Edition.of(
        "2010 census tracts",
        HOLDS_FROM,
        (codes, [shape(f["geometry"]) for f in features]),
        names=[f"Census tract {f['properties']['name']}" for f in features],
        area_names=_area_names(features),
    )


def _area_names(features: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for feature in features:
        geoid, nta = feature["properties"]["geoid"], feature["properties"]["nta"]
        code = cell_code(geoid, nta)
        found[code[:6]] = BOROUGHS[geoid[0]]
        found[code[:9]] = f"NTA {nta}"
        found[code[:12]] = f"{nta} tracts {geoid[1:4]}…"
    return found


def requests() -> list[Request]:
    """The 924 requests in the order they were made."""
    with gzip.open(REQUESTS, "rt", encoding="utf-8", newline="") as file:
        return [_request(row) for row in csv.DictReader(file)]


def _request(row: dict[str, str]) -> Request:
    return Request(
        key=row["unique_key"],
        created=datetime.fromisoformat(row["created"]),
        agency=row["agency"],
        complaint=row["complaint"],
        descriptor=row["descriptor"],
        lon=float(row["longitude"]) if row["longitude"] else None,
        lat=float(row["latitude"]) if row["latitude"] else None,
    )


def series() -> Iterator[float | None]:
    """The hourly PM2.5 values in µg/m³, missing ones None."""
    with gzip.open(SERIES, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield float(row["pm25"]) if row["pm25"] else None


def city() -> City:
    """New York as a city to be loaded: tracts, one borrowed sensor, no facilities."""
    sensor = Device(
        code=PM25_DEVICE,
        name="北京 2010–2014 年 PM2.5 序列（借置于此） Beijing series, placed here on loan",
        kind="air",
        metrics=("air.pm25",),
        position=Position(-73.9654, 40.7829, Datum.WGS84),
        component=None,
    )
    return City(NAME, REGION, TIME_ZONE, edition(), (sensor,), ())
