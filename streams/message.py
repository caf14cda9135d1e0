"""One Kafka message as the intake sees it: where it stood, its key, its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a topic; `topic` is the name in the table of topics, without the prefix of a test."""

    topic: str
    part: int
    offset: int
    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = field(default=())

    @property
    def partition(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.part
