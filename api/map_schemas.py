"""What is told of the map below ours and of what its cameras saw, as pydantic models for the OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class BaseMapRefused(BaseModel):
    """Why a base map is declared but not shown."""

    zh: str
    en: str


class BaseMapTiles(BaseModel):
    """Pictures by address: take turns with `urls`, each with `{z}` `{x}` `{y}` or `{-y}`; one without a scheme is ours."""

    kind: Literal["tiles"]
    datum: Literal["wgs84", "cgcs2000", "gcj02"]
    opacity: float
    urls: list[str]
    grid: Literal["EPSG:3857", "EPSG:4326", "EPSG:4490"]
    lowest: int
    highest: int
    tile: int
    origin: tuple[float, float] | None
    resolutions: list[float] | None
    referrer: bool


class BaseMapPacked(BaseModel):
    """A PMTiles file, `GET /grid/base-map/{file}` by ranges: pictures, or vectors."""

    kind: Literal["pmtiles"]
    datum: Literal["wgs84", "cgcs2000", "gcj02"]
    opacity: float
    file: str
    vector: bool
    lowest: int
    highest: int
    bounds: tuple[float, float, float, float]


class BaseMapShown(BaseModel):
    """The city's map below ours, layers from below to above."""

    zh: str
    en: str
    credit: str
    layers: list[BaseMapTiles | BaseMapPacked]
    refused: BaseMapRefused | None


class DeviceEvent(BaseModel):
    """An event a device told; `pictures` are addresses of photos kept here."""

    source: str
    id: str
    kind: str
    category: str | None
    at: datetime
    score: float | None
    outcome: str
    incident: str | None
    pictures: list[str]


class DeviceEvents(BaseModel):
    """What a device told of late."""

    items: list[DeviceEvent]
