"""What carriers say, and what it means: one row for each thing said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dialer.domain.types import EndedBy, Outcome

SOMEWHERE = "127.0.0.51:5999"
ELSEWHERE = f"Contact: <sip:79160000999@{SOMEWHERE}>"
IPV6 = "Contact: <sip:\\x5b2001:db8::1\\x5d:5060>"
NETWORK, PERSON = EndedBy.NETWORK, EndedBy.PERSON
TALKS = ("180", "wait 200", "200", "wait 600")
PLAIN: Mapping[str, Any] = {}
OPUS, SRTP = {"codecs": ["opus"]}, {"srtp": True}


@dataclass(frozen=True, slots=True)
class Said:
    """What a carrier says of every number, step by step, and what the record must hold."""

    steps: tuple[str, ...]
    outcome: Outcome
    ended_by: EndedBy = NETWORK
    kept: tuple[int, int] | None = None  # cause and SIP code, where they must be the network's own
    trunk: Mapping[str, Any] | None = None  # one of its own, and what is asked of it: it may come to rest


def final(words: str, outcome: Outcome, **more: Any) -> Said:
    """An answer at once."""
    return Said((words,), outcome, **more)


def talk(*after: str, by: EndedBy = PERSON, answer: str = "200") -> Said:
    """An answered call in which this follows."""
    return Said(("180", "wait 200", answer, "wait 600", *after), Outcome.CONNECTED, by)


def unheard(answer: str, trunk: Mapping[str, Any] = PLAIN) -> Said:
    """An answer that brings nothing to listen to: Asterisk ends it."""
    return Said(("180", "wait 200", answer, "until BYE"), Outcome.ABANDONED, trunk=trunk)


def forward(user: str) -> str:
    return f"302 Moved Temporarily|Contact: <sip:{user}@{SOMEWHERE}>"


RUNG_OUT = {"outcome": Outcome.NO_ANSWER, "ended_by": EndedBy.RING_TIME}
WORDS: Mapping[str, Said] = {
    # who ended it, and why, before anybody answered
    "announced": Said(("183", "wait 1500", "180", "until CANCEL"), **RUNG_OUT),
    "on-and-on": Said(("183", "wait 700", "180", "wait 300", "183", "until CANCEL"), **RUNG_OUT),
    "forwarding": Said(("181 Call Is Being Forwarded", "wait 200", "180", "until CANCEL"), **RUNG_OUT),
    "queued": Said(("182 Queued", "wait 200", "180", "until CANCEL"), **RUNG_OUT),
    "fork-over": Said(("180", "wait 200", "199 Early Dialog Terminated", "486 Busy Here"), Outcome.BUSY),
    "early-only": Said(("183", "until CANCEL"), **RUNG_OUT),
    "too-late": Said(("180", "answer at CANCEL"), **RUNG_OUT),
    "silent": Said(("wait 60000",), Outcome.NETWORK_FAILURE),
    "unpaid": final("402 Payment Required", Outcome.TRUNK_REFUSED),
    "who-are-you": final(
        '407 Proxy Authentication Required|Proxy-Authenticate: Digest realm="x", nonce="y"',
        Outcome.TRUNK_REFUSED,
    ),
    "strange-offer": final("488 Not Acceptable Here", Outcome.TRUNK_REFUSED),
    "extension": final("420 Bad Extension|Unsupported: timer", Outcome.TRUNK_REFUSED),
    "declined": Said(("180", "wait 200", "603 Decline"), Outcome.REJECTED),
    "unwanted": Said(("180", "wait 200", "607 Unwanted"), Outcome.REJECTED),
    "blocked": final("608 Rejected", Outcome.REJECTED),
    "late-no": Said(("180", "wait 200", "403 Forbidden"), Outcome.REJECTED),
    "late-never": Said(("180", "wait 200", "408 Request Timeout"), Outcome.NO_ANSWER),
    "cancelled": Said(("180", "wait 200", "487 Request Terminated"), Outcome.NO_ANSWER),
    "timed-out": final("408 Request Timeout", Outcome.NETWORK_FAILURE),
    "hops": final("483 Too Many Hops", Outcome.NETWORK_FAILURE),
    "full": final("503 Service Unavailable", Outcome.CONGESTION),
    "nowhere": final("604 Does Not Exist Anywhere", Outcome.UNALLOCATED),
    "gone": final("410 Gone", Outcome.UNALLOCATED),
    "busy": final("600 Busy Everywhere", Outcome.BUSY),
    # another number is named, and never called
    "moved": final(f"302 Moved Temporarily|{ELSEWHERE}", Outcome.MOVED, kept=(23, 302)),
    "moved-late": Said(("180", "wait 1000", f"302 Moved Temporarily|{ELSEWHERE}"), Outcome.MOVED),
    "permanently": final("301 Moved Permanently|Contact: <tel:+79160000999>", Outcome.MOVED),
    "choices": final(f"300 Multiple Choices|{ELSEWHERE}", Outcome.MOVED),
    "proxy": final("305 Use Proxy", Outcome.MOVED),
    "this-proxy": final(f"305 Use Proxy|{ELSEWHERE}", Outcome.MOVED),
    "alternative": final("380 Alternative Service", Outcome.MOVED),
    "not-said-where": final("302 Moved Temporarily", Outcome.MOVED),
    "two-places": final(f"302 Moved Temporarily|{ELSEWHERE}, <sip:79160000998@127.0.0.51>", Outcome.MOVED),
    # ways of Asterisk's own: `bait` is a trunk that counts its calls, 101 an operator's phone
    "local": final(forward("Local%2Fanswered%40obz-out"), Outcome.MOVED),
    "by-trunk": final(forward("PJSIP%2F79160000999%40bait"), Outcome.MOVED),
    "by-endpoint": final(forward("PJSIP%2F79160000999%40trunk%5C%2Fbait"), Outcome.MOVED),
    "to-a-phone": final(forward("PJSIP%2F101"), Outcome.MOVED),
    # the exchange's own cause wins over what a gateway made of it
    "q1": Said(
        ("180", "wait 200", '480 Nobody|Reason: Q.850;cause=1;text="x"'), Outcome.UNALLOCATED, kept=(1, 480)
    ),
    "q3": final("480 Gone|Reason: Q.850;cause=3", Outcome.NETWORK_FAILURE, kept=(3, 480)),
    "q17": final("480 Nobody|Reason: SIP;cause=480|Reason: Q.850;cause=17", Outcome.BUSY, kept=(17, 480)),
    "q18": final("480 Nobody|Reason: Q.850;cause=18", Outcome.NO_ANSWER, kept=(18, 480)),
    "q22": final('480 Nobody|Reason: Q.850;cause=22;text="changed"', Outcome.UNALLOCATED, kept=(22, 480)),
    "q17-503": final("503 Service Unavailable|Reason: Q.850;cause=17", Outcome.BUSY, kept=(17, 503)),
    "q1-503": final("503 Service Unavailable|Reason: Q.850;cause=1", Outcome.UNALLOCATED, kept=(1, 503)),
    "q34": final("404 Not Found|Reason: Q.850;cause=34", Outcome.CONGESTION, kept=(34, 404)),
    "q16": final("486 Busy Here|Reason: Q.850;cause=16", Outcome.BUSY),
    "q127": final("486 Busy Here|Reason: Q.850;cause=127", Outcome.BUSY),
    "in-small": final('480 Nobody|reason: SIP ;cause=480;text="a, b", q.850 ; cause = 17', Outcome.BUSY),
    "early-q1": Said(
        ("183", "wait 300", "480 Nobody|Reason: Q.850;cause=1"), Outcome.UNALLOCATED, kept=(1, 480)
    ),
    # answers with nothing to listen to
    "no-sdp": unheard("200 without SDP"),
    "no-port": unheard("200 without sound"),
    "foreign": unheard("200 in g729"),
    # an answer in a sound format whose translator was taken away after the trunk had been accepted
    "no-translator": Said(
        ("180", "wait 200", "200 in opus", "until BYE"),
        Outcome.ABANDONED,
        EndedBy.SERVICE,
        trunk=OPUS,
    ),
    # talks, and who ended them
    "left": talk("BYE"),
    "left-q16": talk("BYE|Reason: Q.850;cause=16"),
    "left-elsewhere": talk('BYE|Reason: SIP;cause=200;text="Call completed elsewhere"'),
    "broke": talk("BYE|Reason: Q.850;cause=38", by=NETWORK),
    "timer-ran-out": talk("BYE|Reason: Q.850;cause=102", by=NETWORK),
    "gateway": talk("BYE|Reason: SIP;cause=503", by=NETWORK),
    "unacked": talk("BYE|Reason: SIP;cause=408", by=NETWORK),
    # talks that are set up in unusual ways
    "inactive": talk("BYE", answer="200 inactive"),
    "sendonly": talk("BYE", answer="200 sendonly"),
    "held": talk("BYE", answer="200 held"),
    "in-parts": talk("BYE", answer="200 in parts"),
    # our ACK has no way to go: the carrier gives up by itself
    "ipv6": talk("BYE|Reason: SIP;cause=408", by=NETWORK, answer=f"200 without ACK|{IPV6}"),
    "other-codec": talk("INVITE in ulaw", "wait 300", "BYE"),
    "no-offer": talk("INVITE without SDP", "wait 300", "BYE"),
    "update": talk("UPDATE|Session-Expires: 90;refresher=uas|Supported: timer", "wait 300", "BYE"),
    "interval": Said(
        ("422 Session Interval Too Small|Min-SE: 3600", "until INVITE", *TALKS, "BYE"),
        Outcome.CONNECTED,
        PERSON,
    ),
    "early-answer": Said(
        ("183", "wait 300", "200 without SDP", "wait 600", "BYE"), Outcome.CONNECTED, PERSON
    ),
    "another-answer": Said(("183 in ulaw", "wait 300", *TALKS, "BYE"), Outcome.CONNECTED, PERSON),
    "forked": Said(("180 of a fork", "wait 100", *TALKS, "BYE"), Outcome.CONNECTED, PERSON),
    "on-hold": talk("INVITE sendonly", "wait 300", "INVITE", "wait 300", "BYE"),
    "fax": talk("INVITE for fax", "wait 300", "BYE"),  # it is refused, and the talk goes on
    "transfer": talk(f"REFER|Refer-To: <sip:79160000999@{SOMEWHERE}>", "wait 300", "BYE"),  # refused too
    "reliable": Said(("reliable 183", "wait 600", "BYE"), Outcome.CONNECTED, PERSON),
    # encrypted sound, or none
    "srtp-in-clear": unheard("200", trunk=SRTP),
    "srtp-no-keys": unheard("200 without keys", trunk=SRTP),
    "srtp-strange": unheard("200 with strange keys", trunk=SRTP),
    "srtp-refused": final("488 Not Acceptable Here", Outcome.TRUNK_REFUSED, trunk=SRTP),
}
