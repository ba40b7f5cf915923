"""The campaigns resource keeps its promises."""

from __future__ import annotations

from tests.web.world import ask, build_world


async def test_a_campaign_is_made_read_changed_and_started() -> None:
    world = await build_world()
    admin = world.tokens["admin"]
    made = await ask(world.app, "POST", "/v1/campaigns", token=admin, body={"name": "autumn", "trunks": ["main"]})
    assert made.status == 201, made.body
    print(made.json)
