"""What a called number does."""

from __future__ import annotations

from dataclasses import dataclass

from dialer.domain.types import Alerting

# Q.850 cause, SIP code
CAUSES = {
    "busy": (17, 486),
    "unallocated": (1, 404),
    "congestion": (34, 503),
    "rejected": (21, 403),
    "unpaid": (127, 402),
    "declined": (21, 603),
    "moved": (23, 302),
    "timed_out": (18, 408),
    "no_codec": (58, 488),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """One call to a number; nothing of it depends on who calls, or how."""

    does: str = "answer"  # or what CAUSES names, no_answer, ring_ends, silence, no_sound; of a phone no_key
    after_s: float = 6.0  # from the first ringing to the answer, or to what it does
    talk_s: float = 20.0  # from the bridge to the person's hang-up
    waits_s: float = 120.0  # for an operator
    alerting: Alerting | None = Alerting.RINGING
    setup_s: float = 0.05  # from the request to the first ringing, or to the refusal
    announced_s: float = 0.0  # a 183 and an announcement before the first ringing
    broken: tuple[int, int] | None = None  # the network ends the talk: cause and SIP code
    wrap_up_s: float = 0.0  # the operator's work that such a talk leaves
