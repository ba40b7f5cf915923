"""The description of the API is whole, true and served from here."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from dialer.domain.errors import IllegalMove, StoreDown
from dialer.web.problem import KINDS, MEDIA_TYPE
from dialer.web.reference import operations
from tests.web.world import World, ask, build_world

world = asyncio.run(build_world())
OPERATIONS = list(operations(world.app.openapi()))


async def test_the_description_is_openapi_3_1_and_needs_no_token() -> None:
    answer = await ask(world.app, "GET", "/v1/openapi.json")
    assert answer.status == 200
    assert answer.json["openapi"].startswith("3.1")
    assert answer.json["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in answer.body.decode()


@pytest.mark.parametrize(
    ("tag", "method", "path", "operation"), OPERATIONS, ids=lambda value: str(value)[:40]
)
def test_every_route_says_what_it_is_for_and_how_it_fails(
    tag: str, method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["description"]
    assert tag
    if not path.startswith("/v1/"):
        return
    assert operation["security"] == [{"token": []}]
    errors = {status: told for status, told in operation["responses"].items() if not status.startswith("2")}
    assert {"400", "401", "403", "413", "422", "500", "503"} <= set(errors)
    for told in errors.values():
        assert list(told["content"]) == [MEDIA_TYPE]
        assert told["description"]
    if "{" in path and not path.endswith(("/leads/count", "/{name}")):
        assert "404" in errors
    if "requestBody" in operation:
        assert "415" in errors


async def test_an_address_knows_the_names_that_are_described_and_no_other() -> None:
    for _, method, path, operation in OPERATIONS:
        if not path.startswith("/v1/"):
            continue
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        address = f"{re.sub('{.*?}', '1', path)}?{''.join(f'{name}=&' for name in names)}"
        told = await ask(world.app, method.upper(), f"{address}strange=1", token=world.tokens["admin"])
        faults = {one["place"] for one in told.json["errors"] if "is not known here" in one["detail"]}
        assert faults == {"query/strange"}, (method, path)


def test_no_answer_has_a_field_for_a_secret() -> None:
    schemas = world.app.openapi()["components"]["schemas"]
    answers = {name: one for name, one in schemas.items() if name.endswith(("Out", "Saved", "Made", "Done"))}
    shown = {field for one in answers.values() for field in one.get("properties", {})}
    assert len(answers) > 15
    assert shown & {"password", "sip_password", "pin", "password_file", "pin_hash", "sha256"} == set()


async def test_the_page_lists_every_route_and_loads_nothing() -> None:
    answer = await ask(world.app, "GET", "/docs")
    page = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://(?!127\.0\.0\.1)", page)
    for _, _, path, operation in OPERATIONS:
        assert f"id={operation['operationId']}>" in page
        assert path.split("{", maxsplit=1)[0] in page
    for kind in KINDS:
        assert f"<tr id={kind}>" in page
    assert "sha256-" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/nothing", "/healthz", "/metrics", "/docs"])
async def test_every_answer_carries_the_security_headers_and_no_cors(path: str) -> None:
    answer = await ask(world.app, "GET", path, headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "server" not in answer.headers


async def test_an_unknown_host_is_turned_away_where_hosts_are_set() -> None:
    strict = await build_world(hosts=["localhost", "[::1]"])
    for host, status in [("localhost:8080", 200), ("LOCALHOST", 200), ("[::1]:8080", 200), ("[::1]", 200),
                         ("evil.example", 421), ("evil.example:8080", 421), ("", 421)]:  # fmt: skip
        answer = await ask(strict.app, "GET", "/healthz", headers={"Host": host})
        assert (host, answer.status) == (host, status)


async def test_an_error_of_ours_is_named_and_not_shown() -> None:
    broken = await build_world()
    for error in (
        RuntimeError("secret inside"),
        IllegalMove("secret inside"),
        RecursionError("secret inside"),
    ):
        broken.desk.fails = error
        answer = await ask(broken.app, "POST", "/v1/operators/101/ready", token=broken.tokens["admin"])
        assert (answer.status, answer.json["id"]) == (500, "internal")
        assert b"secret" not in answer.body
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_database_that_is_away_is_503_and_worth_another_try() -> None:
    dead = await build_world()

    async def away(*_: object, **__: object) -> Any:
        raise StoreDown("the database does not answer")

    for store, method, path in [
        (dead.stores.campaigns, "all", "/v1/campaigns"),
        (dead.stores.tokens, "find", "/v1/me"),
        (dead.stores.ledger, "cdrs", "/v1/cdrs.csv"),
    ]:
        kept = getattr(store, method)
        setattr(store, method, away)
        answer = await ask(dead.app, "GET", path, token=dead.tokens["admin"])
        setattr(store, method, kept)
        assert (path, answer.status, answer.json["id"]) == (path, 503, "store-down")
        assert answer.headers["retry-after"]


async def test_the_use_of_a_token_is_noted_once_a_minute() -> None:
    fresh = await build_world()
    noted = []
    used = fresh.stores.tokens.used

    async def count(token: int, now: Any) -> None:
        noted.append(token)
        await used(token, now)

    fresh.stores.tokens.used = count  # type: ignore[method-assign]  # a spy in front of the twin in memory
    for _ in range(5):
        await ask(fresh.app, "GET", "/v1/me", token=fresh.tokens["viewer"])
    assert len(noted) == 1
    assert isinstance(fresh, World)
