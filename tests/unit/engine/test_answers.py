"""A command with a key is done once, as long as its answer is remembered."""

from __future__ import annotations

import pytest

from dialer.domain.errors import Conflict
from dialer.engine.answers import Answer, Answers
from dialer.ports.journal import KEPT_ANSWERS


class Journal:
    """What is written down of commands."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Answer | None] | str] = []

    def begun(self, key: str) -> None:
        self.lines.append(key)

    def answered(self, key: str, answer: Answer | None) -> None:
        self.lines.append((key, answer))


class Deeds:
    """Counts what was done."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.answers = Answers(self.journal)  # type: ignore[arg-type]
        self.done = 0

    async def once(self, key: str) -> Answer:
        async def do() -> Answer:
            self.done += 1
            return {"n": self.done}

        return await self.answers.once(key, do)


async def test_with_a_key_it_is_done_once_without_one_each_time() -> None:
    deeds = Deeds()
    assert [(await deeds.once(key))["n"] for key in ("a", "a", "b", "", "", "a")] == [1, 1, 2, 3, 4, 1]
    assert deeds.journal.lines == ["a", ("a", {"n": 1}), "b", ("b", {"n": 2})]


async def test_the_oldest_answer_is_forgotten_first() -> None:
    deeds = Deeds()
    for n in range(KEPT_ANSWERS):
        await deeds.once(f"k{n}")
    assert (await deeds.once("k0"))["n"] == 1
    await deeds.once("one more")
    assert (await deeds.once("k1"))["n"] == 2
    assert (await deeds.once("k0"))["n"] == KEPT_ANSWERS + 2


async def test_what_was_refused_may_be_asked_again_and_what_was_cut_short_may_not() -> None:
    deeds = Deeds()

    async def refuse() -> Answer:
        raise Conflict("not now")

    with pytest.raises(Conflict, match="not now"):
        await deeds.answers.once("a", refuse)
    assert (await deeds.once("a"))["n"] == 1
    deeds.answers.restore({"b": None, "c": {"n": 99}})
    with pytest.raises(Conflict, match="was begun and has not ended"):
        await deeds.once("b")
    assert (await deeds.once("c"))["n"] == 99
    assert (await deeds.once("a"))["n"] == 2, "what was restored is all that is known"
