"""schemathesis finds no request that makes the service fail, and no answer that its OpenAPI does not know."""

from __future__ import annotations

import asyncio
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.world import build_world

EXAMPLES = 20
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
KNOWN = {"campaign": 1, "lead": 1, "operator": "101", "trunk": "main", "call": "c-0", "import_id": 1}
SPAN = {"since_at": "2026-02-03T00:00:00Z", "until_at": "2026-02-04T00:00:00Z"}

world = asyncio.run(build_world())
schema = schemathesis.openapi.from_asgi("/v1/openapi.json", world.app)


@schema.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Half of the requests ask for things that exist: the others would end at 404."""
    for name, value in (path_parameters or {}).items():
        if name in KNOWN and len(str(value)) % 2:
            path_parameters[name] = KNOWN[name]
    return path_parameters


@schema.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """A span that can be asked for, where the drawn one is well-formed: two random instants seldom fit."""
    since_at = (query or {}).get("since_at")
    if isinstance(since_at, str) and len(since_at) % 2:
        query |= SPAN
    return query


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_makes_the_service_fail(case: Any) -> None:
    token = world.tokens["admin"]
    headers = {"Authorization": f"Bearer {token}"}
    case.call_and_validate(checks=CHECKS, headers=headers, timeout=60)  # news are waited for as long as asked
