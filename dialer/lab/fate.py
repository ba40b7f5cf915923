"""What a number of the pretend world does: drawn from shares and distributions, the same for a seed."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dialer.worlds import Length, fixed

SLOTS = 4096  # fates per rule: three hexadecimal digits, which the dialplan reads off an MD5
SLOT_DIGITS = 3


class Does(StrEnum):
    """What happens when a number is called."""

    ANSWER = "answer"  # rings, answers, speaks, hangs up
    NO_ANSWER = "no_answer"  # rings until the caller gives up
    BUSY = "busy"  # 486
    UNALLOCATED = "unallocated"  # 404
    CONGESTION = "congestion"  # 503
    REJECTED = "rejected"  # 603: the person declines
    REFUSED = "refused"  # 403: the carrier refuses us
    MACHINE = "machine"  # answers, plays a greeting and a beep, listens
    EARLY_MEDIA = "early_media"  # 183 with sound instead of 180, then answers
    PROGRESS = "progress"  # 183 without sound, then answers
    QUIET = "quiet"  # no alerting at all, then answers
    RING_ENDS = "ring_ends"  # the network ends the ringing: 480
    GONE_AT_ONCE = "gone_at_once"  # answers and hangs up in one breath


@dataclass(frozen=True, slots=True)
class Voice:
    """What a called person sounds like: a tone, a tone that tells the number, stock sounds, or nothing."""

    kind: str = "tone"  # tone, number, speech, silence
    hertz: float = 620.0

    def tone(self, number: str) -> float | None:
        """The frequency to look for; None for speech and silence."""
        match self.kind:
            case "tone":
                return self.hertz
            case "number":
                return tone_of(number)
            case _:
                return None


def tone_of(number: str) -> float:
    """Each pair of last digits has its own tone between 400 and 2380 Hz."""
    return 400.0 + 20 * int(number[-2:])


@dataclass(frozen=True, slots=True)
class Fate:
    """What one call to a number will do; `ring_s` runs from the first sign of life to answer or end."""

    does: Does
    ring_s: float
    talk_s: float
    tone: float | None = None
    setup_s: float = 0.0  # before the first sign of life, or the refusal


@dataclass(frozen=True, slots=True)
class Rule:
    """Numbers and what they do. `number` is exact, or a prefix with a star; a bare star is everyone."""

    number: str
    shares: Mapping[Does, float]
    ring_s: Length = field(default_factory=lambda: fixed(1.0))
    talk_s: Length = field(default_factory=lambda: fixed(30.0))
    voice: Voice = field(default_factory=Voice)

    def matches(self, number: str) -> bool:
        """Whether the rule speaks of this number."""
        if self.number.endswith("*"):
            return number.startswith(self.number[:-1])
        return number == self.number

    def slots(self, seed: int) -> list[Fate]:
        """All fates of this rule: shares are exact, in a seeded order."""
        chance = random.Random(f"{seed}/{self.number}")  # noqa: S311 repeatable on purpose, guards nothing
        deck = deal(self.shares)
        chance.shuffle(deck)
        return [Fate(does, self.ring_s.draw(chance), self.talk_s.draw(chance)) for does in deck]


def deal(shares: Mapping[Does, float]) -> list[Does]:
    """SLOTS behaviours in proportion to their shares, whatever these add up to."""
    total = sum(shares.values())
    deck: list[Does] = []
    reached = 0.0
    for does, share in shares.items():
        reached += share
        deck += [does] * (round(SLOTS * reached / total) - len(deck))
    return deck


@dataclass(frozen=True)
class Plan:
    """The whole world file: the most particular rule decides (exact number, else longest prefix)."""

    seed: int
    rules: tuple[Rule, ...]  # the last resort, "*", is among them
    script: Mapping[str, Sequence[Fate]] = field(default_factory=dict)  # by number, call by call

    @functools.cached_property
    def _slots(self) -> dict[str, list[Fate]]:
        return {rule.number: rule.slots(self.seed) for rule in self.rules}

    def rule(self, number: str) -> Rule:
        """The rule for a number, written with or without its plus."""
        number = number.lstrip("+")
        found = [rule for rule in self.rules if rule.matches(number)]
        return max(found, key=lambda rule: (not rule.number.endswith("*"), len(rule.number)))

    def slots(self, rule: Rule) -> list[Fate]:
        """The fates that the dialplan holds for a rule."""
        return self._slots[rule.number]

    def fate(self, number: str, call: int = 1) -> Fate:
        """What the n-th call (from 1) to this number does."""
        number = number.lstrip("+")
        rule = self.rule(number)
        told = self.script.get(number, ())
        if call <= len(told):
            return replace(told[call - 1], tone=rule.voice.tone(number))
        digest = hashlib.md5(f"{self.seed}-{number}-{call}".encode(), usedforsecurity=False).hexdigest()
        drawn = self.slots(rule)[int(digest[:SLOT_DIGITS], 16)]
        return Fate(drawn.does, drawn.ring_s, drawn.talk_s, rule.voice.tone(number))


def everyone(does: Does = Does.ANSWER, *, seed: int = 1, ring_s: float = 1.0, talk_s: float = 30.0) -> Plan:
    """A world in which everybody does the same."""
    return Plan(seed, (Rule("*", {does: 1.0}, fixed(ring_s), fixed(talk_s)),))
