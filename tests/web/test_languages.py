"""Sentences of the API come in the language that the client asks for; ids and fields never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dialer.adapters.languages import speaker_for
from dialer.domain.said import counted, plain, said
from dialer.web.api.commands import Done
from tests.web.world import NOW, World, ask

RU, EN, NONE = "ru-RU,ru;q=0.9,en;q=0.5", "en", ""
PACING = counted("{n} line; then {why}.", "{n} lines; then {why}.", 2, why=said("no lead is due"))


FORECAST = {
    "within_s": 21.0, "lines": 4, "ringing": 3, "answers": 0.7, "free": 2.5, "risk": 0.064, "price": 0.047,
    "budget": 0.2, "checked": 1, "answers_calibration": 1.02, "answers_error": 0.4, "free_calibration": None,
    "free_error": 0.0,
}  # fmt: skip


@pytest.fixture
def spoken(world: World) -> World:
    """The API with sentences that can be translated."""
    parts = world.app.state.parts
    world.app.state.parts = replace(parts, tools=replace(parts.tools, speak=speaker_for))
    never = said("out of hours in {where}, never open", where="Asia/Omsk")
    gate = {"name": "link", "is_open": True, "value": plain(said("Asterisk is connected.")), "opens_at": None}
    held, at = [["new", 3], [plain(never), 2]], NOW.isoformat()
    world.desk.answers["explain"] = {"at": at, "gates": [gate], "held_back": held, "summary": plain(PACING)}
    decision = {"campaign": 1, "at": at, "reason": plain(PACING), "forecast": FORECAST}
    world.desk.answers["decisions"] = {"decisions": [decision]}
    return world


async def told(world: World, method: str, path: str, accept: str, role: str = "admin", **rest: Any) -> Any:
    headers: Mapping[str, str] = {"accept-language": accept} if accept else {}
    return (await ask(world.app, method, path, token=world.tokens[role], headers=headers, **rest)).json


@pytest.mark.parametrize(
    ("accept", "summary", "gate", "held"),
    [
        (
            RU,
            "2 линии, больше нет: звонить пока некому.",
            "Asterisk на связи.",
            "вне часов звонков (Asia/Omsk), не откроется",
        ),
        (EN, PACING, "Asterisk is connected.", "out of hours in Asia/Omsk, never open"),
        (NONE, PACING, "Asterisk is connected.", "out of hours in Asia/Omsk, never open"),
    ],
)
async def test_an_explanation_is_told_in_the_clients_language(
    spoken: World, accept: str, summary: str, gate: str, held: str
) -> None:
    answer = await told(spoken, "GET", "/v1/campaigns/1/explain", accept)
    assert answer["summary"] == summary
    assert answer["gates"] == [{"name": "link", "is_open": True, "value": gate, "opens_at": None}]
    assert answer["held_back"] == {"new": 3, held: 2}
    (decision,) = await told(spoken, "GET", "/v1/decisions", accept)
    assert (decision["reason"], decision["forecast"]) == (summary, FORECAST)


async def test_how_far_down_the_list_is_told_in_the_clients_language(spoken: World) -> None:
    depth = await told(spoken, "GET", "/v1/campaigns/1/depth", RU)
    assert depth["sentence"].startswith("Лидов в списке: ")


async def test_a_problem_is_told_in_the_clients_language_under_the_same_id(spoken: World) -> None:
    russian = await told(spoken, "GET", "/v1/campaigns/777", RU)
    assert (russian["id"], russian["title"], russian["detail"]) == (
        "missing",
        "Такого нет",
        "нет кампании 777",
    )
    english = await told(spoken, "GET", "/v1/campaigns/777", NONE)
    assert (english["id"], english["detail"]) == ("missing", "there is no campaign 777")


async def test_a_start_is_refused_in_the_clients_language(spoken: World) -> None:
    await told(spoken, "PATCH", "/v1/campaigns/1", NONE, body={"purpose": "advertising"})
    answer = await told(spoken, "POST", "/v1/campaigns/1/start", RU)
    assert answer["id"] == "forbidden"
    assert (
        "запрещён (38-ФЗ, ст. 18 ч. 2), выберите ручной (manual) или предпросмотр (preview)"
        in answer["detail"]
    )


def test_the_steps_of_a_trial_call_are_told_too() -> None:
    steps = [plain(said("{seconds:.1f} s: {what}", seconds=1.25, what=said("answered"))), "as it was"]
    done = Done.of("test", "trunk:main", {"ok": True, "steps": steps}).spoken(speaker_for(RU))
    assert done.result == {"ok": True, "steps": ["1,2 с: ответили", "as it was"]}
