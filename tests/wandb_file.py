"""Reads a W&B run back from its `.wandb` file: a LevelDB log of protobuf records.

After a 7-byte header (":W&B", a magic number, a version) come blocks of 32 KiB. Each holds chunks
with a 7-byte head of their own: checksum, length and kind, the kind saying whether the chunk is
a whole record or its first, middle or last part. Both formats are internal to W&B, which is why
the reader checks the checksums and the tests check what it reads.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

HEAD = 7
BLOCK = 32 * 1024
WHOLE, LAST = 1, 4  # 2 and 3: the first and a middle part


@dataclass
class WandbRun:
    project: str = ""
    group: str = ""
    job_type: str = ""
    name: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)  # glob of metrics -> their step metric
    artifacts: list[str] = field(default_factory=list)
    exit_code: int | None = None


def read_wandb(path: Path) -> WandbRun:
    run = WandbRun()
    for raw in _raw_records(path.read_bytes()):
        record = Record()
        record.ParseFromString(raw)
        _add(run, record)
    return run


def _add(run: WandbRun, record: Record) -> None:
    kind = record.WhichOneof("record_type")
    if kind == "run":
        run.project, run.group = record.run.project, record.run.run_group
        run.job_type, run.name = record.run.job_type, record.run.display_name
        run.tags = list(record.run.tags)
        run.config |= _items(record.run.config.update)
    elif kind == "config":
        run.config |= _items(record.config.update)
    elif kind == "history":
        run.history.append(_items(record.history.item))
    elif kind == "summary":
        run.summary |= _items(record.summary.update)
    elif kind == "metric" and record.metric.step_metric:
        run.axes[record.metric.glob_name or record.metric.name] = record.metric.step_metric
    elif kind == "artifact":
        run.artifacts.append(record.artifact.name)
    elif kind == "exit":
        run.exit_code = record.exit.exit_code


def _items(entries: Any) -> dict[str, Any]:
    return {
        entry.key or ".".join(entry.nested_key): json.loads(entry.value_json) for entry in entries
    }


def _raw_records(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B", "not a W&B file"
    at, parts = HEAD, b""
    while at + HEAD <= len(data):
        room = BLOCK - at % BLOCK
        checksum, length, kind = struct.unpack_from("<IHB", data, at)
        if room < HEAD or (kind == 0 and length == 0):  # padding up to the next block
            at += room
            continue
        chunk = data[at + HEAD : at + HEAD + length]
        assert zlib.crc32(bytes([kind]) + chunk) == checksum, f"damaged at byte {at}"
        at += HEAD + length
        parts += chunk
        if kind in (WHOLE, LAST):
            yield parts
            parts = b""
