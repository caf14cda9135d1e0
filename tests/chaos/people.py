"""People at work while things break: each report is filed once and walked to its end, however often one must ask again."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.audit import WALK
from tests.journey import scene
from tests.journey.machines import Answer, Door

ACTORS = {
    "open": "intake",
    "dispatch": "dispatcher",
    "accept": "dept-a",
    "report_handled": "dept-a",
    "verified": "inspector",
    "close": "intake",
}
GIVEN: dict[str, dict[str, Any]] = {"dispatch": {"department": "A"}}


@dataclass
class Office:
    """Files reports and walks them, one after the other, until told to stop.

    Args:
        url: the API.
        pause: seconds between two questions.
    """

    url: str
    pause: float = 0.05
    walked: dict[str, str] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    fault: BaseException | None = None

    def run(self) -> None:
        """Report after report; what is begun is finished."""
        doors = {name: Door(self.url, scene.token_of(name)) for name in {*ACTORS.values(), "lead"}}
        try:
            while not self.stopped.is_set():
                self._one(doors, f"report {len(self.walked)}")
        except BaseException as fault:  # noqa: BLE001 - told to the thread that waits for us
            self.fault = fault
        finally:
            for door in doors.values():
                door.hang_up()

    def _one(self, doors: dict[str, Door], text: str) -> None:
        lon, lat = scene.middle(len(self.walked) % 10, 9)
        body = {
            "text": text,
            "category": scene.UNSORTED,
            "position": {"lon": lon, "lat": lat, "datum": "wgs84"},
        }
        key = {"Idempotency-Key": str(uuid.uuid4())}
        filed = doors["intake"].insist("POST", "/api/v1/reports", body, key)
        assert filed.status == 201, f"{filed.status} {filed.body[:500]!r}"
        number = filed.json["number"]
        for move in WALK[1:]:
            time.sleep(self.pause)
            self._make(doors[ACTORS[move]], number, move)
        self.walked[number] = text

    def _make(self, door: Door, number: str, move: str) -> None:
        """One move, asked again after a failure; what an answer that never came did is looked up."""
        path = f"/api/v1/incidents/{number}"
        for _ in range(100):
            now = door.insist("GET", path)
            assert now.status == 200, f"{now.status} {now.body[:300]!r}"
            if move in _made(door.insist("GET", f"{path}/history")):
                return
            answer = door.insist(
                "POST",
                f"{path}/moves",
                {"move": move, **GIVEN.get(move, {})},
                {"If-Match": now.headers["etag"]},
            )
            if answer.status == 200:
                return
            assert answer.status in {409, 412}, f"{move}: {answer.status} {answer.body[:500]!r}"
        raise AssertionError(f"{number} could not be moved by {move}")


def _made(history: Answer) -> set[str]:
    """The moves made so far."""
    rows = history.json
    return {row["move"] for row in (rows if isinstance(rows, list) else rows["items"])}
