"""What the publishing scripts here send, and how both sides report it."""

import hashlib
from collections.abc import Mapping


def payload(group: int, object_id: int, size: int) -> bytes:
    """Bytes that no other object has: ``size`` of them."""
    seed = f"{group}/{object_id}/".encode()
    return (seed + hashlib.shake_128(seed).digest(size))[:size]


Properties = Mapping[int, int | bytes]


def show(group: int, object_id: int, data: bytes, extra: Properties | None = None) -> None:
    """One line an object: where it sits, what it holds, and which properties came with it."""
    listed = ",".join(f"{key:x}={value}" for key, value in sorted((extra or {}).items()))
    print(group, object_id, len(data), hashlib.sha256(data).hexdigest(), listed, flush=True)
