"""What a command to a cell answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from dialer.domain.said import heard
from dialer.web.parts import Speak

_JSON = TypeAdapter(dict[str, Any])


class Done(BaseModel):
    """The cell took the command and did it."""

    verb: str
    target: str
    result: dict[str, JsonValue] = Field(description="what the cell says about it")

    def spoken(self, speak: Speak) -> Self:
        """With its sentences in the client's language: the steps of a trial call, why a callback is moved."""
        told: dict[str, JsonValue] = {}
        if isinstance(steps := self.result.get("steps"), list):
            told["steps"] = [speak(heard(step)) for step in steps]
        if moved := self.result.get("moved"):
            told["moved"] = speak(heard(moved))
        return self.model_copy(update={"result": self.result | told})

    @classmethod
    def of(cls, verb: str, target: str, result: Mapping[str, Any]) -> Self:
        return cls(verb=verb, target=target, result=_JSON.dump_python(dict(result), mode="json"))


class Pushed(BaseModel):
    """Whether the running cell has taken up what was saved."""

    pushed: bool = True
    push_note: str = Field(default="", description="why it has not yet")
