"""The end of an unanswered call as the network gave it: Q.850 before Asterisk's own cause, a forward."""

from __future__ import annotations

from typing import Any

import pytest

from dialer.adapters.ari.bulk import Bulk
from dialer.adapters.ari.reasons import Reason
from dialer.adapters.ari.switch import AriSwitch
from dialer.domain.call import Destroyed
from dialer.domain.types import CellId
from dialer.ports.asterisk import ChannelNews, PhoneNews

AT = "2026-11-30T07:25:14.650+0000"
NAME, NUMBER = "PJSIP/main-0000002a", "79161234567"


class Diary:
    """Hears what the switch passes on."""

    def __init__(self) -> None:
        self.heard_: list[ChannelNews | PhoneNews] = []

    def heard(self, news: ChannelNews | PhoneNews) -> None:
        self.heard_.append(news)

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


def switch_and_diary() -> tuple[AriSwitch, Diary]:
    diary = Diary()
    return AriSwitch(CellId("main"), "dialer", diary, diary, Bulk("http://127.0.0.1:1/ari", "u", "p")), diary


def destroyed(cause: int, tech_cause: int | None = None, state: str = "Ringing") -> dict[str, Any]:
    channel = {"id": "c-1", "name": NAME, "state": state}
    event = {"type": "ChannelDestroyed", "timestamp": AT, "cause": cause, "channel": channel}
    return event if tech_cause is None else {**event, "tech_cause": tech_cause}


def end_of(diary: Diary) -> tuple[int, int | None, str]:
    (news,) = diary.heard_
    assert isinstance(news, ChannelNews)
    assert isinstance(news.event, Destroyed)
    return news.event.cause, news.event.sip_code, news.event.words


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (None, (19, 480, "")),
        (Reason(480, "Nobody (x)", 1), (1, 480, "Nobody (x)")),
        (Reason(480, "Nobody"), (19, 480, "Nobody")),
        (Reason(486, "Busy", 17), (19, 480, "")),  # of an answer before the last
    ],
)
def test_the_networks_own_cause_replaces_what_asterisk_made(
    reason: Reason | None, expected: tuple[int, int, str]
) -> None:
    switch, diary = switch_and_diary()
    if reason is not None:
        switch.reasons._kept[NUMBER] = reason
    switch._dialled["c-1"] = NUMBER
    switch.took(destroyed(19, 480))
    assert end_of(diary) == expected


@pytest.mark.parametrize(
    ("reason", "was_up"), [(Reason(200, "OK"), True), (Reason(488, "No"), False), (None, False)]
)
def test_an_answer_that_asterisk_could_not_use_was_one(reason: Reason | None, was_up: bool) -> None:
    switch, diary = switch_and_diary()
    if reason is not None:
        switch.reasons._kept[NUMBER] = reason
    switch._dialled["c-1"] = NUMBER
    switch.took(destroyed(58, 488))
    (news,) = diary.heard_
    assert isinstance(news, ChannelNews)
    assert isinstance(news.event, Destroyed)
    assert (news.event.was_up, news.event.cause, news.event.sip_code) == (was_up, 58, 488)


def test_an_answered_call_keeps_asterisks_cause() -> None:
    switch, diary = switch_and_diary()
    switch.reasons._kept[NUMBER] = Reason(480, "x", 1)
    switch._dialled["c-1"] = NUMBER
    switch.took(destroyed(38, 500, state="Up"))
    assert end_of(diary) == (38, 500, "")
    assert not switch._dialled


@pytest.mark.parametrize("tech_cause", [None, 0])
def test_a_forward_whose_end_comes_before_asterisk_has_its_cause_is_a_302(tech_cause: int | None) -> None:
    switch, diary = switch_and_diary()
    peer = {"id": "c-1", "name": NAME}
    dial = {"type": "Dial", "timestamp": AT, "dialstatus": "CANCEL", "forward": "79160000999", "peer": peer}
    switch.took(dial)
    switch.took(destroyed(0, tech_cause, state="Down"))
    assert end_of(diary) == (23, 302, "")
