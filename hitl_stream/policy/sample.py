"""The blind sample: which patches a person must see although the policy would approve them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from hitl_stream.policy.document import PolicyDocument


def selected(patch_id: str, round_: int, policy: PolicyDocument) -> bool:
    """Whether this round is drawn. The same answer every time, for anyone who knows the document; rate 0 is never."""
    if policy.sample_rate <= 0:
        return False
    drawn = blake2b(f"{round_} {patch_id}".encode(), digest_size=8, key=_key(policy.version)).digest()
    return int.from_bytes(drawn, "big") < policy.sample_rate * 2**64


@lru_cache(16)
def _key(version: int) -> bytes:
    return f"hitl-stream sample {version}".encode()
