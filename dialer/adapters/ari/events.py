"""Asterisk's JSON into the domain's events: one table, one pure function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dialer.adapters.ari.push import endpoint_name
from dialer.domain import call
from dialer.domain.errors import BadValue
from dialer.domain.types import Alerting, BridgeId, ChannelId
from dialer.ports.asterisk import ChannelNews, Noted, PhoneNews

RawEvent = Mapping[str, Any]
News = ChannelNews | PhoneNews

STATUS = re.compile(r"SIP (?P<code>[3-6][0-9]{2}) ?(?P<words>.*)", re.DOTALL)  # a 200 is no end
SOFT_SHUTDOWN = 4  # AST_SOFTHANGUP_SHUTDOWN: Asterisk stops in good order


def parse(raw: RawEvent) -> tuple[News, ...]:
    """What an event means to us: nothing, if the table does not have it; raises BadValue if it is maimed."""
    reader = TABLE.get(raw.get("type", ""))
    if reader is None:
        return ()
    try:
        news = reader(raw, datetime.fromisoformat(raw["timestamp"]).astimezone(UTC))
    except (KeyError, TypeError, ValueError, AttributeError) as flaw:
        raise BadValue(f"an event {raw['type']} from Asterisk cannot be read: {flaw!r}") from flaw
    return () if news is None else (news,)


def noted(channel: ChannelId, note: str) -> Noted | None:
    """What the dialplan noted of a channel; None if it is of another one, or cannot be read."""
    whose, *said = note.split(",", 6)
    if whose != channel:
        return None
    said += [""] * (6 - len(said))  # of a dialplan that noted less
    try:
        answer_at, message_at, end_at = (datetime.fromisoformat(at) if at else None for at in said[:3])
        cause = int(said[3] or 0)
    except ValueError:
        return Noted(None, None, None, 0)  # it was here; more cannot be told
    last = STATUS.fullmatch(said[5])
    code, words = (int(last["code"]), last["words"]) if last else (None, "")
    return Noted(answer_at, message_at, end_at, cause, code, bool(said[4]), words)


def _of_channel(raw: RawEvent, event: call.Event) -> ChannelNews:
    return ChannelNews(ChannelId(raw["channel"]["id"]), event)


def _dial(raw: RawEvent, at: datetime) -> News | None:
    """Its other words are not used: NOANSWER stands for refused and unallocated numbers too."""
    event = _progress(raw["dialstatus"], at)
    return ChannelNews(ChannelId(raw["peer"]["id"]), event) if event else None


def _progress(status: str, at: datetime) -> call.Event | None:
    match status:
        case "RINGING":
            return call.Alerted(at, Alerting.RINGING)
        case "PROGRESS":
            return call.Alerted(at, Alerting.PROGRESS)
        case "ANSWER":
            return call.Answered(at)
        case _:
            return None


def _stasis_start(raw: RawEvent, at: datetime) -> News:
    channel = raw["channel"]
    return ChannelNews(
        ChannelId(channel["id"]),
        call.EnteredApp(at),
        args=tuple(raw["args"]),
        caller=channel["caller"]["number"],
        exten=channel["dialplan"]["exten"],
        endpoint=_endpoint(channel["name"]),
    )


def _endpoint(name: str) -> str:
    """PJSIP/trunk/carrier-0000002a is a channel of the trunk carrier, PJSIP/101-0000002b of a phone."""
    return endpoint_name(name.partition("/")[2].rpartition("-")[0])


def _user_event(raw: RawEvent, at: datetime) -> News | None:
    match (raw["eventname"], raw["userevent"].get("step")):
        case ("SafeHarbour", "start"):
            return _of_channel(raw, call.MessageStarted(at))
        case ("SafeHarbour", "end"):
            return _of_channel(raw, call.MessageEnded(at))
        case _:
            return None


def _hangup_requested(raw: RawEvent, at: datetime) -> call.HangupRequested:
    """A soft request carries Asterisk's own reasons (AST_SOFTHANGUP_*) in place of a cause of Q.850."""
    cause, is_soft = raw.get("cause"), bool(raw.get("soft"))
    by_shutdown = is_soft and isinstance(cause, int) and bool(cause & SOFT_SHUTDOWN)
    return call.HangupRequested(at, cause, by_shutdown, is_soft)


def _destroyed(raw: RawEvent, at: datetime) -> News:
    was_up = raw["channel"]["state"] == "Up" or bool(raw.get("answered"))
    cause, words = int(raw["cause"]), str(raw.get("words", ""))
    return _of_channel(raw, call.Destroyed(at, cause, raw.get("tech_cause"), was_up, words))


def _contact(raw: RawEvent, at: datetime) -> News | None:
    """Only the two words that come from a probe or from the end of a registration."""
    status = raw["contact_info"]["contact_status"]
    if status not in ("Reachable", "Unreachable", "Removed"):
        return None
    address = raw["contact_info"]["uri"].rpartition("@")[2].partition(";")[0]
    return PhoneNews(
        endpoint_name(raw["endpoint"]["resource"]),
        status == "Reachable",
        at,
        address.removeprefix("sip:"),
        status == "Removed",
    )


TABLE: Mapping[str, Callable[[RawEvent, datetime], News | None]] = {
    "Dial": _dial,
    "StasisStart": _stasis_start,
    "StasisEnd": lambda raw, at: _of_channel(raw, call.LeftApp(at)),
    "ChannelEnteredBridge": lambda raw, at: _of_channel(
        raw, call.EnteredBridge(at, BridgeId(raw["bridge"]["id"]))
    ),
    "ChannelLeftBridge": lambda raw, at: _of_channel(raw, call.LeftBridge(at, BridgeId(raw["bridge"]["id"]))),
    "ChannelUserevent": _user_event,
    "ChannelDtmfReceived": lambda raw, at: _of_channel(raw, call.KeyPressed(at, raw["digit"])),
    "ChannelHangupRequest": lambda raw, at: _of_channel(raw, _hangup_requested(raw, at)),
    "ChannelDestroyed": _destroyed,
    "ContactStatusChange": _contact,
}

# What is sent at all; the rest would double the traffic, and with it the chance to be cut in mid-event.
WANTED = (*TABLE, "RESTResponse", "ApplicationRegistered", "ApplicationReplaced")
