"""The requests that are sent to Asterisk, each value checked in the last moment before it goes out."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from dialer.adapters.ari.connection import Request
from dialer.adapters.ari.push import TRUNKS, PjsipObject, endpoint_name
from dialer.domain.operators import SLOT
from dialer.domain.types import NAME, BridgeId, ChannelId
from dialer.ports.acceptable import (
    check_id,
    check_keys,
    check_media,
    check_outgoing,
    check_reason,
    check_variable,
    check_way,
    matching,
    target,
)
from dialer.ports.asterisk import Outgoing

FORWARDS = "FORWARD_CONTEXT"  # where Asterisk itself would follow a SIP 302
AT_THE_END = "CHANNEL(hangup_handler_push)"
ANSWER = "RESTResponse"
GUARD = "TIMEOUT(absolute)"  # the PBX's own clock, set by the dialplan at the answer


def originate(call: Outgoing, *, formats: str = "") -> Request:
    """A call into the dialplan; never with `app`, which would win over the context without a word.

    With a place the request leaves its first note there, and the dialplan the last one: see `Noted`.
    `formats` is what the offer holds, in this order; without it the far end's settings decide, in another.
    """
    check_outgoing(call)
    place = call.variables.get(SLOT)
    notes = {}
    if place:
        notes = {f"GLOBAL({note_of(place)})": f"{call.channel},,,,", AT_THE_END: "obz-end,gone,1"}
    query = {
        "endpoint": on_the_wire(call.endpoint),
        "context": call.context,
        "extension": call.exten,
        "priority": "1",
        "channelId": call.channel,
        "callerId": call.caller_id,
        "timeout": str(call.timeout_s),
    }
    if formats:
        query["formats"] = formats
    known = {**call.variables, **notes, FORWARDS: "obz-nowhere"}
    return Request("POST", "channels", query, {"variables": known})


def on_the_wire(endpoint: str) -> str:
    """`PJSIP/<number>@<trunk>` or `PJSIP/<phone>` as Asterisk wants it; raises BadValue for anything else."""
    number, name = target(endpoint)
    escaped = TRUNKS.replace("/", r"\/")  # part of the name, no border
    return f"PJSIP/{number}@{escaped}{name}" if number else endpoint


def hang_up(channel: ChannelId, reason: str) -> Request:
    check_reason(reason)
    return Request("DELETE", f"channels/{check_id(channel)}", {"reason": reason})


def on_channel(method: str, channel: ChannelId, verb: str, **query: str) -> Request:
    """A request of one word to one channel."""
    return Request(method, f"channels/{check_id(channel)}/{verb}", query)


def set_variable(channel: ChannelId, name: str, value: str) -> Request:
    check_variable(name, value)
    return on_channel("POST", channel, "variable", variable=name, value=value)


def note_of(place: str) -> str:
    """The global variable that holds what is noted in this place."""
    return f"OBZ_NOTED_{place}"


def get_global(name: str) -> Request:
    check_variable(name)
    return Request("GET", "asterisk/variable", {"variable": name})


def go_on(channel: ChannelId, *, context: str, exten: str) -> Request:
    check_way(context, exten)
    return on_channel("POST", channel, "continue", context=context, extension=exten, priority="1")


def play(channel: ChannelId, media: Iterable[str], playback: str = "") -> Request:
    """Several sounds are played one after another, as one playback, which may have a name."""
    wanted = list(media)
    check_media(wanted)
    verb = f"play/{check_id(playback)}" if playback else "play"
    return on_channel("POST", channel, verb, media=",".join(wanted))


def stop_playing(playback: str) -> Request:
    return Request("DELETE", f"playbacks/{check_id(playback)}", {})


def whisper(channel: ChannelId, snoop: ChannelId, app: str) -> Request:
    return on_channel("POST", channel, f"snoop/{check_id(snoop)}", whisper="out", app=app, appArgs="snoop")


def send_keys(channel: ChannelId, keys: str) -> Request:
    check_keys(keys)
    return on_channel("POST", channel, "dtmf", dtmf=keys)


def create_bridge(bridge: BridgeId) -> Request:
    return Request("POST", f"bridges/{check_id(bridge)}", {"type": "mixing"})


def on_bridge(method: str, bridge: BridgeId, verb: str = "", **query: str) -> Request:
    """A request to one bridge; without a verb to the bridge itself."""
    return Request(method, f"bridges/{check_id(bridge)}" + (f"/{verb}" if verb else ""), query)


def ask_for_event(app: str, name: str) -> Request:
    """An event of our own, to the application alone: it comes back with the time by Asterisk's clock."""
    return Request("POST", f"events/user/{matching(NAME, name, 'event name')}", {"application": app})


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
    matching(NAME, endpoint_name(name), "endpoint name")
    return f"asterisk/config/dynamic/res_pjsip/{kind}/{quote(name, safe='')}"
