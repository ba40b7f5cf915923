"""Bad input at the API's entrance: each case is refused with a clear problem, and nothing is changed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dialer.domain.law import HIGHEST_RATIO
from dialer.domain.types import CampaignId
from dialer.web.problem import KINDS
from dialer.web.shield import BODY_LIMIT
from tests.web.conftest import Api
from tests.web.world import World, ask, build_world

C, L, OP, T = "/v1/campaigns", "/v1/campaigns/1/leads", "/v1/operators", "/v1/trunks"
DEEP = b"[" * 50_000 + b"]" * 50_000
HUGE_INT = b'{"name": "x", "priority": ' + b"9" * 5000 + b"}"
HOURS = {"weekday": 1, "start": "09:00", "end": "18:00"}
CALLBACK = {"disposition": "callback"}
FORM = {"content_type": "multipart/form-data; boundary=b"}
OF_FORM = {"content-type": FORM["content_type"]}
LIST = b"phone\n+79160000001\n"


@dataclass(frozen=True)
class Bad:
    method: str
    path: str
    status: int
    body: Any = None
    raw: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    place: str = ""  # where the first fault is said to be
    word: str = ""  # in its sentence


def part(name: str, filename: str, content: bytes) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    return head.encode() + content + b"\r\n--b--\r\n"


def post(path: str, body: Any, place: str = "", status: int = 422) -> Bad:
    return Bad("POST", path, status, body=body, place=place)


def raw(path: str, content: Any, status: int = 400, **headers: str) -> Bad:
    return Bad(
        "POST", path, status, raw=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


BODIES = [
    # not JSON at all
    raw(C, b"{", 400),
    raw(C, b"\xff\xfe{\x00", 400),
    raw(C, b'{"name": "\xe9"}', 400),
    raw(C, b'{"name": "x" "y"}', 400),
    raw(C, DEEP, 400),
    raw(C, HUGE_INT, 400),
    raw(C, b"name=x", 415, content_type="application/x-www-form-urlencoded"),
    raw(C, b"<name/>", 415, content_type="application/xml"),
    raw(C, b'{"name": "x"}', 415, content_type="text/plain"),
    raw(C, b"[" + b" " * BODY_LIMIT + b"]", 413),
    raw(C, [b" " * 400_000] * 4, 413),
    raw(C, b"{}", 413, content_length="99999999999999999999999"),
    # JSON of the wrong shape
    post(C, [], "body"),
    post(C, "x", "body"),
    raw(C, b"null", 422),
    post(C, {}, "body/name"),
    post(C, {"name": None}, "body/name"),
    post(C, {"name": ""}, "body/name"),
    post(C, {"name": "   "}, "body/name"),
    post(C, {"name": "a\x00b"}, "body/name"),
    post(C, {"name": "a\nb"}, "body/name"),
    post(C, {"name": "x" * 101}, "body/name"),
    post(C, {"name": ["x"]}, "body/name"),
    raw(C, b'{"name": "\\ud800"}', 422),
    raw(C, b'{"name": "x", "\\ud800": 1}', 422),
    Bad("POST", C, 422, raw=b'{"name": "x", "name": "y"}', place="body/name", word="twice"),
    Bad("POST", C, 422, raw=b'{"name": "x", "retries": {"busy": {"delays_s": [1], "delays_s": [2]}}}',
        place="body/delays_s", word="twice"),
    Bad("POST", f"{OP}/101/pause", 422, raw=b'{"reason": "lunch", "reason": "tea"}', place="body/reason",
        word="twice"),
    post(C, {"name": "x", "status": "running"}, "body/status"),
    post(C, {"name": "x", "a/b~c": 1}, "body/a~1b~0c"),
    post(C, {"name": "x", "mode": "turbo"}, "body/mode"),
    post(C, {"name": "x", "purpose": 7}, "body/purpose"),
    post(C, {"name": "x", "country": "ru"}, "body/country"),
    post(C, {"name": "x", "country": "UK"}, "body/country"),
    post(C, {"name": "x", "country": "ZZ"}, "body/country"),
    post(C, {"name": "x", "ring_s": "20"}, "body/ring_s"),
    post(C, {"name": "x", "ring_s": 14.9}),
    post(C, {"name": "x", "ring_s": -1}, "body/ring_s"),
    raw(C, b'{"name": "x", "ring_s": NaN}', 422),
    raw(C, b'{"name": "x", "ring_s": Infinity}', 422),
    raw(C, b'{"name": "x", "ratio": 1e400}', 422),
    post(C, {"name": "x", "ratio": HIGHEST_RATIO + 0.1}, "body/ratio"),
    post(C, {"name": "x", "ceiling": 0.0009}, "body/ceiling"),
    post(C, {"name": "x", "ceiling": 3}, "body/ceiling"),
    post(C, {"name": "x", "best_first": "yes"}, "body/best_first"),
    post(C, {"name": "x", "priority": 2**70}, "body/priority"),
    post(C, {"name": "x", "priority": True}, "body/priority"),
    post(C, {"name": "x", "weight": 0}, "body/weight"),
    post(C, {"name": "x", "weight": 101}, "body/weight"),
    post(C, {"name": "x", "record": "yes"}, "body/record"),
    post(C, {"name": "x", "tone": "no"}, "body/tone"),
    post(C, {"name": "x", "caller_id": "79161234567"}),
    post(C, {"name": "x", "operators": ["999"]}),
    post(C, {"name": "x", "operators": ["../1"]}, "body/operators/0"),
    post(C, {"name": "x", "trunks": ["nowhere"]}),
    post(C, {"name": "x", "message": "../etc/passwd"}, "body/message"),
    post(C, {"name": "x", "schedule": [HOURS | {"weekday": 7}]}, "body/schedule/0/weekday"),
    post(C, {"name": "x", "schedule": [HOURS | {"start": "9"}]}, "body/schedule/0/start"),
    post(C, {"name": "x", "retries": {"happy": {"delays_s": []}}}),
    post(C, {"name": "x", "retries": {"busy": {"delays_s": [-1]}}}, "body/retries/busy/delays_s/0"),
    post(C, {"name": "spring"}, status=409),
    Bad("PATCH", f"{C}/1", 422, body={"name": None}, place="body/name"),
    Bad("PATCH", f"{C}/1", 422, body={"ring_s": 5}),
    # leads
    post(L, {}, "body"),
    post(L, [], "body"),
    post(L, [{"numbers": []}], "body/0/numbers"),
    post(L, [{"numbers": ["+79161234567"]}, {"numbers": ["89161234567"]}], "body/1/numbers/0"),
    post(L, [{"numbers": ["+79161234567;x=1"]}], "body/0/numbers/0"),
    post(L, [{"numbers": ["+7916123456\u0667"]}], "body/0/numbers/0"),
    post(L, [{"numbers": ["+79161234567"], "email": "a@b\r\nBcc: c@d"}], "body/0/email"),
    post(L, [{"numbers": ["+79161234567"], "extra": {"a": 1}}], "body/0/extra/a"),
    post(L, [{"numbers": ["+79161234567"]}] * 1001, "body"),
    # operators and their verbs
    post(OP, {"id": "1", "name": "x"}, "body/id"),
    post(OP, {"id": "10l", "name": "x"}, "body/id"),
    post(OP, {"id": "103", "name": "x", "phone": "outside"}),
    post(OP, {"id": "103", "name": "x", "trunk": "nowhere"}),
    post(OP, {"id": "103", "name": "x", "sip_password": "short"}, "body/sip_password"),
    post(OP, {"id": "103", "name": "x", "sip_password": "with\nnewline"}, "body/sip_password"),
    post(OP, {"id": "103", "name": "x", "pin": "12ab"}, "body/pin"),
    post(f"{OP}/101/pause", {}, "body/reason"),
    post(f"{OP}/101/pause", {"reason": "x\r\nAction: Originate"}, "body/reason"),
    post(f"{OP}/101/keys", {"keys": "12,3"}, "body/keys"),
    post(f"{OP}/101/keys", {"keys": "1" * 33}, "body/keys"),
    post(f"{OP}/101/dispose", {"disposition": "may be"}, "body/disposition"),
    post(f"{OP}/101/dispose", CALLBACK | {"callback_at": "tomorrow"}, "body/callback_at"),
    post(f"{OP}/101/dispose", CALLBACK | {"callback_at": "2026-02-03T10:00:00"}, "body/callback_at"),
    post(f"{OP}/101/dispose", CALLBACK | {"callback_at": "9999-12-31T23:59:59-10:00"}, "body/callback_at"),
    post(f"{OP}/101/dispose", CALLBACK | {"callback_at": 1e300}, "body/callback_at"),
    # trunks: values that would end up in SIP
    post(T, {"id": "Main", "host": "a.b"}, "body/id"),
    post(T, {"id": "x", "host": "a.b\r\nX: y"}, "body/host"),
    post(T, {"id": "x", "host": "a.b;transport=tls"}, "body/host"),
    post(T, {"id": "x", "host": "a.b", "port": 0}, "body/port"),
    post(T, {"id": "x", "host": "a.b", "user": "a@b"}, "body/user"),
    post(T, {"id": "x", "host": "a.b", "codecs": []}, "body/codecs"),
    post(T, {"id": "x", "host": "a.b", "calls_per_s": 0}, "body/calls_per_s"),
    post(T, {"id": "x", "host": "a.b", "register": True}),
    post(T, {"id": "x", "host": "a.b", "prefixes": ["+7", "+210"]}),
    post(T, {"id": "x", "host": "a.b", "prefixes": ["+7600"]}),
    post(T, {"id": "x", "host": "a.b", "password_file": "/etc/shadow"}, "body/password_file"),
    post(f"{T}/main/test", {"number": "112"}, "body/number"),
    # do not call, tokens
    post("/v1/dnc", {"entry": "*"}, "body/entry"),
    post("/v1/dnc", {"entry": "+*"}, "body/entry"),
    post("/v1/dnc", {"entry": "+7916", "reason": "x"}, "body/entry"),
    post("/v1/dnc", {"entry": "+7916*", "campaign": "1"}, "body/campaign"),
    post("/v1/dnc", {"entry": "+7916*", "campaign": 77}, status=404),
    post("/v1/tokens", {"name": "a b", "role": "viewer"}, "body/name"),
    post("/v1/tokens", {"name": "ab", "role": "root"}, "body/role"),
    post("/v1/tokens", {"name": "ab", "role": "operator"}, "body/role"),
    # files
    raw(f"{C}/1/imports", b"{}", 422),
    raw(f"{C}/1/imports", b"no boundary here", 400, content_type="multipart/form-data"),
    raw(f"{C}/1/imports", b"--b\r\nnonsense", 422, **FORM),
    raw(f"{C}/1/imports", part("file", "list.exe", b"MZ"), 422, **FORM),
    raw(f"{C}/1/imports", part("file", "a.csv", b"\xff\xfe\xfd"), 422, **FORM),
    raw(f"{C}/1/imports", part("wrong", "a.csv", b"x"), 422, **FORM),
    raw(f"{C}/1/message", part("file", "a.wav", b"ID3" + bytes(200)), 422, **FORM),
    raw(f"{C}/1/message", part("file", "a.wav", b"RIFF"), 422, **FORM),
    raw(f"{C}/1/message", part("file", "a.wav", b"RIFF0000WAVE" + bytes(40)), 422, **FORM),
]  # fmt: skip

ADDRESSES = [
    Bad("GET", "/v1/nothing", 404),
    Bad("GET", "/", 404),
    Bad("GET", "//v1/campaigns", 404),
    Bad("GET", "/v1/campaigns/", 404),
    Bad("GET", "/v1/campaigns/0", 422, place="path/campaign"),
    Bad("GET", "/v1/campaigns/-1", 422, place="path/campaign"),
    Bad("GET", "/v1/campaigns/2147483648", 422, place="path/campaign"),
    Bad("GET", "/v1/campaigns/" + "9" * 5000, 422, place="path/campaign"),
    Bad("GET", "/v1/campaigns/1.5", 422, place="path/campaign"),
    Bad("GET", "/v1/campaigns/1\x00", 400),
    Bad("GET", "/v1/campaigns/99", 404),
    Bad("GET", "/v1/operators/\ufffd\ufffd", 422, place="path/operator"),
    Bad("GET", "/v1/trunks/..", 422, place="path/trunk"),
    Bad("GET", "/v1/calls/c 1", 422, place="path/call"),
    Bad("GET", "/v1/cdrs?limit=0", 422, place="query/limit"),
    Bad("GET", "/v1/cdrs?limit=1001", 422, place="query/limit"),
    Bad("GET", "/v1/cdrs?limit=ten", 422, place="query/limit"),
    Bad("GET", "/v1/cdrs?after=%27%20or%201=1", 422, place="query/after"),
    Bad("GET", "/v1/cdrs?after=%00", 400),
    Bad("GET", "/v1/cdrs?after=%ff%fe", 422, place="query/after"),
    Bad("GET", "/v1/cdrs?outcome=happy", 422, place="query/outcome"),
    Bad("GET", "/v1/cdrs?since_at=yesterday", 422, place="query/since_at"),
    Bad("GET", "/v1/cdrs?since_at=1700000000", 422, place="query/since_at"),
    Bad("GET", "/v1/cdrs?since_at=2026-02-03T10:00:00Z&until_at=2026-02-03T10:00:00Z", 422),
    Bad("GET", "/v1/hours?since_at=2026-01-01T00:00:00Z&until_at=2026-12-01T00:00:00Z", 422),
    Bad("GET", "/v1/tallies?day=2026-02-30", 422, place="query/day"),
    Bad("GET", "/v1/today?day=2026-02-30", 422, place="query/day"),
    Bad("GET", "/v1/today?at_least_s=-1", 422, place="query/at_least_s"),
    Bad("GET", "/v1/tallies?day=20260203", 422, place="query/day"),
    Bad("GET", "/v1/state-changes", 422, place="query/since_at"),
    Bad("GET", "/v1/campaigns/1/leads?after=99999999999999999999", 422, place="query/after"),
    Bad("GET", "/v1/cdrs?limits=5", 422, place="query/limits", word="did you mean limit"),
    Bad("GET", "/v1/cdrs?limit=5&limit=6", 422, place="query/limit", word="twice"),
    Bad("POST", "/v1/campaigns/1/imports", 422, headers=OF_FORM, place="body/file", word="twice",
        raw=part("file", "a.csv", LIST).removesuffix(b"--b--\r\n") + part("file", "b.csv", LIST)),
    Bad("GET", "/v1/campaigns/1?fields=name", 422, place="query/fields", word="only: nothing"),
    Bad("POST", "/v1/campaigns/1/imports?dryrun=true", 422, raw=part("file", "a.csv", LIST), headers=OF_FORM,
        place="query/dryrun", word="did you mean dry_run"),
    Bad("POST", "/v1/campaigns/1/imports", 422, headers=OF_FORM, place="body/dry_run", word="question mark",
        raw=b'--b\r\nContent-Disposition: form-data; name="dry_run"\r\n\r\ntrue\r\n'
        + part("file", "a.csv", LIST)),
    Bad("DELETE", "/v1/campaigns", 405),
    Bad("PUT", "/v1/campaigns/1", 405),
    Bad("OPTIONS", "/v1/campaigns", 405),
    Bad("POST", "/metrics", 405),
    Bad("POST", "/v1/operators/101/ready", 422, headers={"Idempotency-Key": "\xfc"}),
    Bad("POST", "/v1/campaigns", 422, {"name": "x"}, headers={"Idempotency-Key": "k" * 256}),
    Bad("POST", "/v1/operators/199/ready", 404),
    Bad("DELETE", "/v1/dnc/+7916*", 404),
]  # fmt: skip
CASES = BODIES + ADDRESSES


def _state(world: World) -> str:
    """Everything that a refused request could have changed."""
    stores = world.stores
    rows = [vars(store) for store in (stores.campaigns, stores.accounts, stores.trunks)]
    rows += [stores.leads._rows, stores.numbers._rows, [t.name for t in stores.tokens._rows.values()]]  # type: ignore[attr-defined]  # the twin in memory
    return repr([rows, world.desk.told, world.outside.secrets, world.outside.messages])


@pytest.fixture(scope="module")
def shared() -> World:
    return asyncio.run(build_world())


def _name(case: Bad) -> str:
    sent = case.raw if case.raw is not None else json.dumps(case.body)
    return f"{case.method} {case.path[:50]} {str(sent)[:60]}".encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_bad_input_is_refused_clearly_and_changes_nothing(shared: World, case: Bad) -> None:
    before = _state(shared)
    answer = await ask(
        shared.app, case.method, case.path, token=shared.tokens["admin"],
        body=case.body, raw=case.raw, headers=case.headers,
    )  # fmt: skip
    assert answer.status == case.status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["id"] in KINDS
    assert problem["status"] == case.status
    assert len(problem["detail"]) > 10
    assert "Traceback" not in answer.body.decode()
    if case.place:
        assert problem["errors"][0]["place"] == case.place
        assert case.word in problem["errors"][0]["detail"]
    if case.status == 405:
        assert answer.headers["allow"]
    assert _state(shared) == before


def test_the_table_is_as_long_as_promised() -> None:
    assert len(BODIES) >= 40
    assert len(CASES) >= 100


async def test_a_secret_is_not_repeated_in_the_refusal(shared: World) -> None:
    body = {"id": "103", "name": "x", "sip_password": "hunter2"}
    answer = await ask(shared.app, "POST", OP, token=shared.tokens["admin"], body=body)
    assert answer.status == 422
    assert b"hunter2" not in answer.body


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /v1/cdrs?after=\xff\xfe HTTP/1.1",
        b"GET /v1/campaigns/%ff%fe HTTP/1.1",
        b"GET /v1/campaigns/%00 HTTP/1.1",
        b"GET /v1/operators/%2e%2e%2f HTTP/1.1",
        b"BREW /v1/campaigns HTTP/1.1",
        b"GET http://elsewhere.example/v1/me HTTP/1.1",
        b"GET * HTTP/1.1",
        b"nonsense",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
async def test_bytes_that_are_hardly_http_get_an_answer_that_is_no_failure(
    api: Api, request_line: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    token = api.world.tokens["admin"].encode()
    writer.write(
        request_line + b"\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]


LENGTHS = [
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}    ",
    b"Content-Length: -1\r\n\r\n{}",
    b"Content-Length: 2, 2\r\n\r\n{}",
    b"Content-Length: 0x2\r\n\r\n{}",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip\r\n\r\n{}",
    b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    b"Content-Length: 2\r\n\r\n{}GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n",  # more than was told
    b"Content-Length : 2\r\n\r\n{}",
    b" folded\r\nContent-Length: 2\r\n\r\n{}",
    b"X: \x00\r\nContent-Length: 2\r\n\r\n{}",
]


async def test_a_body_whose_length_is_told_in_two_ways_is_refused_and_makes_nothing(api: Api) -> None:
    before = _state(api.world)
    token = api.world.tokens["admin"].encode()
    head = (
        b"POST /v1/campaigns HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    )
    for rest in LENGTHS:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(head + b"Authorization: Bearer " + token + b"\r\n" + rest)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 4"), (rest, answer[:200])
        assert answer.count(b"HTTP/1.1 ") == 1, "what stands behind a body is no request"
    assert _state(api.world) == before


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer \xff\xfe" + "a" * 40,
        "bearer obz_" + "a" * 43,
    ],
)
async def test_no_valid_token_is_no_entry_and_the_body_is_not_read(shared: World, header: str) -> None:
    answer = await ask(shared.app, "POST", C, raw=[b"{"], headers={"Authorization": header} if header else {})
    assert (answer.status, answer.json["id"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_campaign_outside_of_the_apis_bounds_can_still_be_shown(shared: World) -> None:
    row = await shared.stores.campaigns.get(CampaignId(1))
    strange = await shared.stores.campaigns.save(replace(row, ring_s=0.5, name="x" * 500, country="?"))
    answer = await ask(shared.app, "GET", f"{C}/1", token=shared.tokens["viewer"])
    await shared.stores.campaigns.save(replace(row, edition=strange.edition))
    assert (answer.status, answer.json["ring_s"]) == (200, 0.5)
