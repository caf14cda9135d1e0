"""The machines' side of the traffic: envelopes and events through the gateway, kept until it has taken them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo import snapshot
from demo.door import Door, Shut, Waiting
from demo.script import Reading, Second

_EVENTS = "/ingest/v1/events"
_KEPT_AT_MOST = 600
"""Messages kept while the gateway is away; then the oldest go, as in a device with little memory."""


@dataclass(frozen=True, slots=True)
class Message:
    """One body for one path of the gateway."""

    path: str
    body: Any


class Album:
    """Sends what the cameras see to the API, so that their events can name it; an event never waits for its picture."""

    def __init__(self, door: Door, say: Callable[[str], None]) -> None:
        self._door = door
        self._say = say
        self._waiting = Waiting()
        self._not_before = 0.0

    def kept(self, event: Mapping[str, Any]) -> list[str]:
        """The id of a picture of what this event tells; nothing while the door is shut or the picture is refused."""
        if time.monotonic() < self._not_before:
            return []
        camera = event["raw"]["camera"]
        picture = snapshot.draw(camera, event["kind"], event.get("score", 0.0), event["at"])
        try:
            answer = self._door.send("/api/v1/media", picture, "image/jpeg")
        except Shut as shut:
            wait = self._waiting.longer()
            self._not_before = time.monotonic() + wait
            self._say(f"图片未送到，{wait:.1f} 秒内不再送 / no pictures for {wait:.1f} s: {shut}")
            return []
        self._waiting.over()
        if not answer.fine:
            self._say(f"图片被拒 / picture refused: HTTP {answer.status} {answer.body}")
            return []
        return [answer.body["id"]]


class Machines:
    """Says each second to the gateway, in order, waiting longer after each failure."""

    def __init__(self, door: Door, say: Callable[[str], None], album: Album | None = None) -> None:
        self._door = door
        self._say = say
        self._album = album
        self._kept: deque[Message] = deque(maxlen=_KEPT_AT_MOST)
        self._waiting = Waiting()
        self._not_before = 0.0
        self.sent = 0
        self.refused = 0

    def tell(self, said: Second, name: str, at_ms: int) -> None:
        """Keep what was said in a second for the gateway; `name` makes batches unique."""
        for source, readings in said.readings.items():
            self._kept.append(
                Message("/ingest/v1/readings", envelope(source, name, at_ms, readings))
            )
        for source, events in said.events.items():
            self._kept.append(Message(_EVENTS, event_envelope(source, name, at_ms, events)))

    def deliver(self) -> None:
        """Send what is kept; stops at the first failure and tries again after a while."""
        if time.monotonic() < self._not_before:
            return
        while self._kept:
            message = self._kept[0]
            self._picture(message)
            try:
                answer = self._door.tell(message.path, message.body)
            except Shut as shut:
                wait = self._waiting.longer()
                self._not_before = time.monotonic() + wait
                self._say(
                    f"网关不通，{len(self._kept)} 条待发，{wait:.1f} 秒后再试 / "
                    f"gateway: {shut}; {len(self._kept)} messages kept, next try in {wait:.1f} s"
                )
                return
            self._waiting.over()
            self._kept.popleft()
            self._count(answer.status, answer.body, message)

    def _picture(self, message: Message) -> None:
        """Beside each event of a camera what it sees, once."""
        if self._album is None or message.path != _EVENTS:
            return
        for event in message.body["events"]:
            if "media" not in event and "camera" in (event.get("raw") or {}):
                event["media"] = self._album.kept(event)

    def _count(self, status: int, body: Any, message: Message) -> None:
        self.sent += 1
        refused = body.get("refused", []) if isinstance(body, dict) else []
        if status >= 400:
            self.refused += 1
            self._say(f"网关拒绝 / gateway refused {message.path}: HTTP {status} {body}")
        elif refused:
            self.refused += len(refused)
            self._say(f"网关拒绝部分 / gateway refused some of {message.path}: {refused}")


def envelope(source: str, name: str, at_ms: int, readings: list[Reading]) -> dict[str, Any]:
    """Readings of one moment as the envelope the gateway takes (readings.v1)."""
    return {
        "schema": "readings.v1",
        "batch": f"{source}/{name}",
        "source": source,
        "sent_at": _text(at_ms),
        "device": [device for device, _, _ in readings],
        "metric": [metric for _, metric, _ in readings],
        "at": [at_ms] * len(readings),
        "value": [value for _, _, value in readings],
    }


def event_envelope(
    source: str, name: str, at_ms: int, events: list[dict[str, Any]]
) -> dict[str, Any]:
    """Events of one moment as the envelope the gateway takes (events.v1)."""
    return {
        "schema": "events.v1",
        "batch": f"{source}/{name}",
        "source": source,
        "sent_at": _text(at_ms),
        "events": [{"at": at_ms, **event} for event in events],
    }


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
