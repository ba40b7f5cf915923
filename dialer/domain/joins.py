"""Two who were put together and are not: Asterisk could not carry the sound, or somebody took the bridge."""

from __future__ import annotations

from datetime import datetime

from dialer.domain import call as c
from dialer.domain.call import Call, State, Timer
from dialer.domain.changed import changed
from dialer.domain.endings import Result, later, stop_talk
from dialer.domain.reactions import hang_up, talk_timer, to_message
from dialer.domain.said import said
from dialer.domain.types import EndedBy

APART_S = 0.25  # a person who hangs up leaves the bridge some milliseconds before the end is told
HEARD_S = 2.0  # a talk of this length was one


def leaving(call: Call, event: c.HangupRequested) -> Result:
    """The person hangs up: however long Asterisk takes to tell the end, nothing came apart."""
    return changed(call, is_leaving=True), ()


def left_bridge(call: Call, event: c.LeftBridge) -> Result:
    """The air time stops; hold, the lost operator or the end is told by another event, or it came apart."""
    alone = stop_talk(call, event.at)
    if call.talk_since_at is None or call.state is not State.BRIDGED or _is_explained(call):
        return alone, ()
    return alone, (c.StartTimer(Timer.APART, later(event.at, APART_S)),)


def came_apart(call: Call, at: datetime) -> Result:
    """Nobody ended the call, and the two are not together: Asterisk could not carry the sound.

    At the beginning it was no talk: the message, at once. Later they are put together once more.
    """
    if call.talk_since_at is not None or _is_explained(call):
        return call, ()
    if call.talk_s >= HEARD_S:
        if call.operator is None or call.failed_connects:
            return hang_up(call, at, EndedBy.SERVICE, said("the talk came apart"))
        return changed(call, failed_connects=1), (c.Connect(call.operator),)
    silent = changed(
        call,
        came_apart=True,
        bridge_at=None,
        talked_with=None,
        talk_s=0.0,
        reason=said("the join came apart: no sound"),
    )
    gone, effects = to_message(silent, at)
    return gone, (c.StopTimer(Timer.TALK), *effects)


def _is_explained(call: Call) -> bool:
    """Why the person is in no bridge."""
    return call.on_hold or call.hanging_up or call.is_leaving or not call.in_app


def timer_in_talk(call: Call, event: c.TimerFired) -> Result:
    """The longest talk, the longest hold, a join that came apart."""
    return came_apart(call, event.at) if event.timer is Timer.APART else talk_timer(call, event)
