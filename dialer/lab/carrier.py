"""The pretend carrier: an Asterisk whose numbers do what the plan says; what they hear is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dialer.domain.errors import Missing
from dialer.lab.console import Console, Login
from dialer.lab.fate import Fate, Plan, Rule, Voice
from dialer.lab.instance import Instance

SPEECH = "demo-thanks&demo-instruct&demo-moreinfo"  # stock sounds, said over and over


def own_knobs(user: str, password: str, plan: Plan, greeting: Path) -> dict[str, str]:
    """What its files have besides the PBX's knobs: the trunk's account, what people and machines say."""
    return {
        "TRUNK_USER": user,
        "TRUNK_PASSWORD": password,
        "SEED": str(plan.seed),
        "GREETING": str(greeting),
        "SPEECH": SPEECH,
    }


def dialplan(plan: Plan) -> str:
    """numbers.conf: one entry per rule, what single calls shall do, and each rule's fates behind it."""
    parts = ["; Written by the lab from the world file.\n[numbers]\nexten => _+X!,1,Goto(${EXTEN:1},1)\n"]
    parts += [entry(index, rule) for index, rule in enumerate(plan.rules)]
    parts += [script(plan.script)]
    parts += [fates(index, rule, plan) for index, rule in enumerate(plan.rules)]
    return "\n".join(parts)


def entry(index: int, rule: Rule) -> str:
    """What a call to a number of this rule does first."""
    prefix = rule.number.removesuffix("*")
    pattern = rule.number if rule.number == prefix else f"_{prefix}!" if prefix else "_X!"
    kind, hertz = speech(rule.voice)
    return (
        f"exten => {pattern},1,Gosub(count,s,1(${{EXTEN}}))\n"
        f" same => n,Set(VOICE={kind})\n"
        f" same => n,Set(HERTZ={hertz})\n"
        f" same => n,Set(RULE={index})\n"
        " same => n,Goto(script,${EXTEN}c${CALL},1)\n"
    )


def script(told: Mapping[str, Sequence[Fate]]) -> str:
    """What the n-th call to a number does, where that is told; else its rule decides."""
    lines = [
        f"exten => {number}c{call},1,Wait({fate.setup_s})\n"
        f" same => n,Gosub(do,{fate.does},1({fate.ring_s},{fate.talk_s}))"
        for number, calls in told.items()
        for call, fate in enumerate(calls, 1)
    ]
    return "\n".join(["[script]", *lines, "exten => _X!,1,Goto(fates-${RULE},${SLOT},1)", ""])


def speech(voice: Voice) -> tuple[str, str]:
    """The dialplan's entry for the voice, and the tone, which may depend on the number that is called."""
    match voice.kind:
        case "number":
            return "tone", "$[400 + 20 * ${EXTEN:-2}]"  # tone_of()
        case "tone":
            return "tone", f"{voice.hertz:g}"
        case kind:
            return kind, "0"


def fates(index: int, rule: Rule, plan: Plan) -> str:
    """The fates of a rule, each under its three hexadecimal digits; one line when all are alike."""
    slots = [f"Gosub(do,{fate.does},1({fate.ring_s},{fate.talk_s}))" for fate in plan.slots(rule)]
    if len(set(slots)) == 1:
        lines = [f"exten => _[0-9a-f]!,1,{slots[0]}"]
    else:
        lines = [f"exten => {slot:03x},1,{what}" for slot, what in enumerate(slots)]
    return "\n".join([f"[fates-{index}]", *lines, ""])


class Carrier:
    """The running carrier."""

    def __init__(self, instance: Instance, plan: Plan, heard: Path, login: Login) -> None:
        self.instance = instance
        self.plan = plan
        self._heard = heard
        self._login = login
        self.console = Console()

    async def start(self) -> None:
        """Starts its Asterisk; it takes calls from then on."""
        await self.instance.start()
        await self.console.open(self._login)

    async def stop(self) -> None:
        """Ends it; calls in progress vanish."""
        await self.console.close()
        await self.instance.stop()

    def heard_by(self, number: str, call: int | str = 1) -> Path:
        """The sound that reached this number in its n-th call (16-bit, 8 kHz, raw); "in" for calling back."""
        return self._heard / f"{number.lstrip('+')}-{call}.sln"

    async def channels(self) -> dict[str, str]:
        """Numbers with a call, ringing or answered, each with the name of its channel."""
        return {each["AccountCode"]: each["Channel"] for each in await self.console.channels()}

    async def hang_up(self, number: str, cause: int = 16) -> None:
        """The person with this number hangs up."""
        channel = (await self.channels()).get(number.lstrip("+"))
        if channel is None:
            raise Missing(f"the number {number} is in no call")
        await self.console.ask("Hangup", Channel=channel, Cause=str(cause))

    async def call_in(self, number: str, to: str, *, talk_s: float = 60.0, timeout_s: float = 60.0) -> bool:
        """The person with this number calls the PBX; whether it answered. He speaks as his rule says."""
        number = number.lstrip("+")
        voice = self.plan.rule(number).voice
        kind, hertz = "silence" if voice.kind == "silence" else "tone", voice.tone(number) or 620.0
        answer = await self.console.originate(
            f"PJSIP/{to}@pbx",
            "call-back",
            [f"NUMBER={number}", "CALL=in", f"TALK={talk_s}", f"VOICE={kind}", f"HERTZ={hertz:g}"],
            caller=number,
            timeout_s=timeout_s,
        )
        return answer["Response"] == "Success"
