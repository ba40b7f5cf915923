"""Requests that bring a key: each is done once, and its answer is kept for whoever asks again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a request with a key."""

    asked: str  # fingerprint of its address and its body
    status: int | None = None  # of the answer; None: it is still under way
    media_type: str = ""
    body: bytes = b""


class Requests(Protocol):
    """By token and key; whoever begins one has it for a while, and renews that as long as it works on it.

    `holder` names one attempt, so that one that was away for too long spoils nothing of its successor's.
    """

    async def begin(
        self, token: int, key: str, asked: str, *, holder: str, now: datetime, until_at: datetime
    ) -> Kept | None:
        """None: it is ours until then. Else what became of the request that had the key first.

        In one statement: of several at once one begins. What ran out before `now` counts no more.
        """

    async def renew(self, token: int, key: str, *, holder: str, until_at: datetime) -> bool:
        """False: it is somebody else's by now."""

    async def answer(self, token: int, key: str, kept: Kept, *, holder: str, until_at: datetime) -> bool:
        """Kept until then. False: it is somebody else's by now, and theirs stays."""

    async def free(self, token: int, key: str, *, holder: str) -> None:
        """Nothing came of it: the key may be used at once."""

    async def forget(self, now: datetime, *, limit: int) -> int:
        """Of what ran out, up to `limit` at a time; gives how many."""
