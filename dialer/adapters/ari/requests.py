"""The requests that are sent to Asterisk, each value checked in the last moment before it goes out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from dialer.adapters.ari.connection import Request
from dialer.adapters.ari.push import TRUNKS, PjsipObject, endpoint_name
from dialer.domain.errors import BadValue
from dialer.domain.operators import SLOT
from dialer.domain.types import NAME, BridgeId, ChannelId, masked
from dialer.ports.asterisk import Outgoing

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")  # a plus would become a space on its way
DIALLED = re.compile(r"\+?[0-9]{3,15}")  # anything else after the slash is dialled as it is: 7916;x=1
EXTEN = re.compile(r"[A-Za-z0-9_*#+-]{1,64}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\([A-Za-z0-9_,-]*\))?")
KEYS = re.compile(r"[0-9A-D*#]{1,64}")
MEDIA = re.compile(r"(sound|tone|digits|number|characters|recording):[A-Za-z0-9][A-Za-z0-9_./+*-]*")
ABSOLUTE_SOUND = re.compile(r"sound:/[A-Za-z0-9_./+-]+")  # a campaign's message
REASONS = frozenset(
    {"normal", "busy", "congestion", "no_answer", "timeout", "rejected", "unallocated", "normal_unspecified"}
    | {"number_incomplete", "codec_mismatch", "interworking", "failure", "answered_elsewhere"}
)

FORWARDS = "FORWARD_CONTEXT"  # where Asterisk itself would follow a SIP 302
AT_THE_END = "CHANNEL(hangup_handler_push)"
ANSWER = "RESTResponse"
GUARD = "TIMEOUT(absolute)"  # the PBX's own clock, set by the dialplan at the answer


def originate(call: Outgoing, *, formats: str = "") -> Request:
    """A call into the dialplan; never with `app`, which would win over the context without a word.

    With a place the request leaves its first note there, and the dialplan the last one: see `Noted`.
    `formats` is what the offer holds, in this order; without it the far end's settings decide, in another.
    """
    _check(1 <= call.timeout_s <= 600, f"a ring timeout of {call.timeout_s} s is not between 1 and 600")
    for name, value in call.variables.items():
        _check(VARIABLE.fullmatch(name), f"the channel variable {name!r} has an impossible name")
        _check(_is_clean(value), f"the channel variable {name} holds a control character")
    place = call.variables.get(SLOT)
    notes = {}
    if place:
        notes = {f"GLOBAL({note_of(place)})": f"{call.channel},,,,", AT_THE_END: "obz-end,gone,1"}
    query = {
        "endpoint": on_the_wire(call.endpoint),
        "context": _matching(NAME, call.context, "context"),
        "extension": _matching(EXTEN, call.exten, "extension"),
        "priority": "1",
        "channelId": _id(call.channel),
        "callerId": checked_caller_id(call.caller_id),
        "timeout": str(call.timeout_s),
    }
    if formats:
        query["formats"] = formats
    known = {**call.variables, **notes, FORWARDS: "obz-nowhere"}
    return Request("POST", "channels", query, {"variables": known})


def on_the_wire(endpoint: str) -> str:
    """`PJSIP/<number>@<trunk>` or `PJSIP/<phone>` as Asterisk wants it; raises BadValue for anything else."""
    technology, _, target = endpoint.partition("/")
    number, at, name = target.rpartition("@")
    _check(technology == "PJSIP", f"calls go out by PJSIP, not by {technology!r}")
    _check(NAME.fullmatch(name), f"{name!r} is not the name of a trunk or a phone")
    if at:
        _check(DIALLED.fullmatch(number), f"{masked(number)!r} is not dialled: it takes 3 to 15 digits")
    escaped = TRUNKS.replace("/", r"\/")  # part of the name, no border
    return f"PJSIP/{number}@{escaped}{name}" if at else endpoint


def checked_caller_id(caller_id: str) -> str:
    """Digits, or a name before digits in brackets; without one carriers refuse the call as anonymous."""
    _check(caller_id, "no caller id is set: carriers refuse anonymous calls, give the trunk one")
    _check(_is_clean(caller_id), "the caller id holds a control character")
    _check(len(caller_id) <= 80, "the caller id is longer than 80 characters")
    return caller_id


def hang_up(channel: ChannelId, reason: str) -> Request:
    _check(reason in REASONS, f"{reason!r} is no hang-up reason, choose from {', '.join(sorted(REASONS))}")
    return Request("DELETE", f"channels/{_id(channel)}", {"reason": reason})


def on_channel(method: str, channel: ChannelId, verb: str, **query: str) -> Request:
    """A request of one word to one channel."""
    return Request(method, f"channels/{_id(channel)}/{verb}", query)


def set_variable(channel: ChannelId, name: str, value: str) -> Request:
    _check(VARIABLE.fullmatch(name), f"the channel variable {name!r} has an impossible name")
    _check(_is_clean(value), f"the channel variable {name} holds a control character")
    return on_channel("POST", channel, "variable", variable=name, value=value)


def note_of(place: str) -> str:
    """The global variable that holds what is noted in this place."""
    return f"OBZ_NOTED_{place}"


def get_global(name: str) -> Request:
    _check(VARIABLE.fullmatch(name), f"the variable {name!r} has an impossible name")
    return Request("GET", "asterisk/variable", {"variable": name})


def go_on(channel: ChannelId, *, context: str, exten: str) -> Request:
    return on_channel(
        "POST",
        channel,
        "continue",
        context=_matching(NAME, context, "context"),
        extension=_matching(EXTEN, exten, "extension"),
        priority="1",
    )


def play(channel: ChannelId, media: Iterable[str], playback: str = "") -> Request:
    """Several sounds are played one after another, as one playback, which may have a name."""
    wanted = list(media)
    _check(wanted, "there is nothing to play")
    for item in wanted:
        is_known = MEDIA.fullmatch(item) or ABSOLUTE_SOUND.fullmatch(item)
        _check(is_known and ".." not in item, f"{item!r} cannot be played, write sound:name or tone:name")
    verb = f"play/{_id(playback)}" if playback else "play"
    return on_channel("POST", channel, verb, media=",".join(wanted))


def stop_playing(playback: str) -> Request:
    return Request("DELETE", f"playbacks/{_id(playback)}", {})


def whisper(channel: ChannelId, snoop: ChannelId, app: str) -> Request:
    return on_channel("POST", channel, f"snoop/{_id(snoop)}", whisper="out", app=app, appArgs="snoop")


def send_keys(channel: ChannelId, keys: str) -> Request:
    _check(KEYS.fullmatch(keys), "keys are the digits, * # and A to D")
    return on_channel("POST", channel, "dtmf", dtmf=keys)


def create_bridge(bridge: BridgeId) -> Request:
    return Request("POST", f"bridges/{_id(bridge)}", {"type": "mixing"})


def on_bridge(method: str, bridge: BridgeId, verb: str = "", **query: str) -> Request:
    """A request to one bridge; without a verb to the bridge itself."""
    return Request(method, f"bridges/{_id(bridge)}" + (f"/{verb}" if verb else ""), query)


def ask_for_event(app: str, name: str) -> Request:
    """An event of our own, to the application alone: it comes back with the time by Asterisk's clock."""
    return Request("POST", f"events/user/{_matching(NAME, name, 'event name')}", {"application": app})


def subscribe(app: str, source: str) -> Request:
    return Request("POST", f"applications/{app}/subscription", {"eventSource": source})


def wish(app: str, event_types: Iterable[str]) -> Request:
    """The filter of the application: these events are sent and no others.

    Both lists are always named: one that is left out stays as it was, across connections and our restarts.
    """
    allowed = [{"type": name} for name in event_types]
    return Request("PUT", f"applications/{app}/eventFilter", body={"allowed": allowed, "disallowed": []})


def silence(app: str) -> Request:
    """Nothing is sent but answers; what happens until the next wish is lost."""
    return wish(app, [ANSWER])


def write_object(item: PjsipObject) -> Request:
    fields = [{"attribute": name, "value": value} for name, value in item.fields.items()]
    return Request("PUT", _config_path(item.kind, item.id), body={"fields": fields})


def delete_object(kind: str, name: str) -> Request:
    return Request("DELETE", _config_path(kind, name))


def _config_path(kind: str, name: str) -> str:
    _matching(NAME, endpoint_name(name), "endpoint name")
    return f"asterisk/config/dynamic/res_pjsip/{kind}/{quote(name, safe='')}"


def _id(value: str) -> str:
    return _matching(ID, value, "id")


def _matching(pattern: re.Pattern[str], value: str, what: str) -> str:
    _check(pattern.fullmatch(value), f"{value!r} is not acceptable as {what}")
    return value


def _is_clean(value: str) -> bool:
    return value.isprintable()


def _check(is_fine: object, complaint: str) -> None:
    if not is_fine:
        raise BadValue(complaint)
