"""A recording by REST: whole, in parts, to those who may listen; and it is logged who did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dialer.domain.cdr import Closing
from dialer.domain.types import CallId, CampaignId, OperatorId
from tests.web.conftest import Api
from tests.web.world import World, build_world, record

SOUND = bytes(range(256)) * 4
WHERE = "/v1/cdrs/c-0/recording"


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """c-0 is recorded, c-1 is not, c-2 waits for its conversion, c-3 is another's, c-4 leads elsewhere."""
    folder = tmp_path / "recordings"
    (folder / "2026-02-03").mkdir(parents=True)
    for name in ("c-0", "c-3"):
        (folder / "2026-02-03" / f"{name}.wav").write_bytes(SOUND)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    made = await build_world(recordings=folder)
    talk = record(2, CampaignId(1))
    others = [
        replace(talk, recording="c-2"),
        replace(talk, id=CallId("c-3"), operator=OperatorId("102")),
        replace(talk, id=CallId("c-4")),
    ]
    await made.stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in others])
    for call, file in (
        ("c-0", "2026-02-03/c-0.wav"),
        ("c-3", "2026-02-03/c-3.wav"),
        ("c-4", "../secret.wav"),
    ):
        await made.stores.ledger.recorded(CallId(call), file, seconds=1.0)
    return made


@dataclass(frozen=True)
class Heard:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def heard(
    api: Api, role: str = "supervisor", where: str = WHERE, *, method: str = "GET", **headers: str
) -> Heard:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api[role].request(method, where, headers=sent) as told:
        return Heard(told.status, told.headers, await told.read())


async def test_a_recording_is_sent_whole_and_in_parts(api: Api) -> None:
    whole = await heard(api)
    assert (whole.status, whole.headers["content-type"], whole.body) == (200, "audio/wav", SOUND)
    assert whole.headers["accept-ranges"] == "bytes"
    part = await heard(api, Range="bytes=100-199")
    assert (part.status, part.headers["content-range"]) == (206, "bytes 100-199/1024")
    assert part.body == SOUND[100:200]
    assert (await heard(api, Range="bytes=-24")).body == SOUND[-24:]
    beyond = await heard(api, Range="bytes=5000-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */1024")
    assert b"no-such-range" in beyond.body
    unreadable = await heard(api, Range="seconds=1-2")
    assert (unreadable.status, b"bad-request" in unreadable.body) == (400, True)


async def test_a_part_of_a_file_that_has_changed_is_not_sent(api: Api) -> None:
    etag = (await heard(api)).headers["etag"]
    same = await heard(api, Range="bytes=0-9", If_Range=etag)
    other = await heard(api, Range="bytes=0-9", If_Range='"other"')
    assert (same.status, other.status, len(other.body)) == (206, 200, 1024)


async def test_its_length_is_told_without_it(api: Api) -> None:
    head = await heard(api, "admin", method="HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "1024", b"")
    assert head.headers["etag"] == (await heard(api)).headers["etag"]


@pytest.mark.parametrize(
    ("role", "call", "status"),
    [
        ("viewer", "c-0", 403),
        ("operator", "c-0", 200),
        ("operator", "c-3", 403),
        ("admin", "c-3", 200),
        ("supervisor", "c-1", 404),
        ("supervisor", "c-2", 404),
        ("supervisor", "c-4", 404),
        ("supervisor", "c-99", 404),
    ],
)
async def test_only_who_may_listen_does_and_that_is_logged(
    api: Api, role: str, call: str, status: int
) -> None:
    with capture_logs() as lines:
        answer = await heard(api, role, f"/v1/cdrs/{call}/recording")
    assert answer.status == status
    told = [line for line in lines if line["event"] == "a recording is listened to"]
    assert [(line["call"], line["by"].partition("-")[0]) for line in told] == [(call, role)] * (status == 200)
