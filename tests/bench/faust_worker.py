"""One Faust worker that adds values up and prints the seconds from its first to its last message, then ends."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

import faust

from streams.wire import decode_readings


class Reading(faust.Record, serializer="json"):
    """A reading as a textbook would have it."""

    device: str
    metric: str
    at: int
    value: float
    lon: float
    lat: float


def main(shape: str, wanted: int, group: str) -> None:
    """Read `bench.<shape>` until `wanted` readings have come."""
    app = faust.App(
        group,
        broker=f"kafka://{os.environ['YIWANG_KAFKA']}",
        datadir=tempfile.mkdtemp(),
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=1 << 20,
        stream_buffer_maxsize=256,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    raw = shape == "envelope"
    kind = {"value_type": bytes, "value_serializer": "raw"} if raw else {"value_type": Reading}
    source = app.topic(f"bench.{shape}", key_type=bytes, key_serializer="raw", **kind)

    async def add_up(stream: Any) -> None:
        seen, total, began = 0, 0.0, 0.0
        async for message in stream:
            began = began or time.perf_counter()
            if raw:
                envelope = decode_readings(message)
                seen += len(envelope.device)
                total += sum(v for v in envelope.value if v is not None)
            else:
                seen += 1
                total += message.value
            if seen >= wanted:
                print(time.perf_counter() - began, flush=True)
                os._exit(0)

    app.agent(source)(add_up)
    faust.Worker(app, loglevel="error", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
