"""Who may do what: every route of the API, asked with every role."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from dialer.web.reference import operations
from tests.web.world import ask, build_world

VERBS = (
    "login",
    "logout",
    "ready",
    "pause",
    "dispose",
    "note",
    "hang_up",
    "hold",
    "unhold",
    "mute",
    "unmute",
    "keys",
    "extension",
)
OPEN = {"healthz", "readyz", "metrics", "docs", "openapi"}
ADMIN = {
    "retry",
    "give_up",
    "create_operator", "change_operator", "push_phone", "create_trunk", "change_trunk", "delete_trunk",
    "push_trunk", "try_trunk", "list_tokens", "create_token", "revoke_token",
}  # fmt: skip
OPERATOR = {f"operator_{verb}" for verb in VERBS} | {
    "pause_operator",
    "dispose_call",
    "note_call",
    "send_keys",
    "send_extension",
    "get_recording",
    "list_leads",
    "get_lead",
    "explain_lead",
    "list_entries",
    "list_sources",
    "check_number",
}
EXPORTS = {"export_cdrs", "export_leads", "export_dnc", "export_operators", "export_hours", "export_today"}
ORDER = ("viewer", "operator", "supervisor", "admin")

world = asyncio.run(build_world())


def routes_of(app: FastAPI) -> list[tuple[str, str, str]]:
    """(name, method, path) of everything that the app answers, whether it is described or not."""
    return [
        (route.name or "", method, route.path or "")
        for route in iter_route_contexts(app.routes)
        for method in sorted((route.methods or {"WEBSOCKET"}) - {"HEAD"})
    ]


ROUTES = routes_of(world.app)


def least(name: str, method: str) -> str:
    if name in ADMIN:
        return "admin"
    if name in OPERATOR:
        return "operator"
    return "viewer" if method == "GET" and name not in EXPORTS else "supervisor"


def test_every_route_of_the_app_is_walked() -> None:
    described = {
        (operation["operationId"], method.upper(), path)
        for _, method, path, operation in operations(world.app.openapi())
    }
    assert described <= set(ROUTES)
    assert {name for name, *_ in set(ROUTES) - described} == {"docs", "openapi"}


@pytest.mark.parametrize(("name", "method", "path"), ROUTES, ids=str)
async def test_a_role_may_do_what_it_is_given_and_nobody_may_do_anything(
    name: str, method: str, path: str
) -> None:
    where = path.format(
        campaign=99,
        lead=99,
        operator="101",
        trunk="nowhere",
        call="c-99",
        import_id=99,
        entry="+7916*",
        source="file",
        name="x",
    )
    if name in OPEN:
        assert (await ask(world.app, method, where)).status in (200, 503)
        return
    for role in ORDER:
        answer = await ask(world.app, method, where, token=world.tokens[role])
        allowed = ORDER.index(role) >= ORDER.index(least(name, method))
        assert (answer.status == 403) is not allowed, (role, answer.status, answer.body)
        if not allowed:
            assert f"needs the role {least(name, method)}" in answer.json["detail"]
    assert (await ask(world.app, method, where)).status == 401


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/x", "/static/x.js", "/docs/", "/metrics/", "/HEALTHZ"])
async def test_what_is_not_on_the_short_list_wants_a_caller_whether_it_is_there_or_not(path: str) -> None:
    assert (await ask(world.app, "GET", path)).status == 401
    assert (await ask(world.app, "GET", path, token=world.tokens["viewer"])).status == 404


async def test_an_operators_token_is_for_that_operator_only() -> None:
    fresh = await build_world()
    for verb in VERBS:
        body: Any = {"reason": "x", "disposition": "agreed", "keys": "1", "note": "x"}
        wanted = {"pause": ["reason"], "dispose": ["disposition"], "note": ["note"], "keys": ["keys"]}.get(
            verb, []
        )
        sent = {key: body[key] for key in wanted} or None
        path = "/v1/operators/102/" + verb
        answer = await ask(fresh.app, "POST", path, token=fresh.tokens["operator"], body=sent)
        assert (verb, answer.status, answer.json["id"]) == (verb, 403, "forbidden")
    assert fresh.desk.told == []


async def test_a_token_with_a_role_that_nobody_knows_opens_nothing() -> None:
    fresh = await build_world()
    (admin,) = [row for row in await fresh.stores.tokens.all() if row.name == "admin"]
    object.__setattr__(admin, "role", "emperor")
    answer = await ask(fresh.app, "GET", "/v1/me", token=fresh.tokens["admin"])
    assert (answer.status, answer.json["id"]) == (401, "unauthorized")
