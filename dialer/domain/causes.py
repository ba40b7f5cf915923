"""What the end of a call means: SIP status and Q.850 cause to outcome, and who ended an answered call.

A Q.850 cause that the network gave itself (RFC 3326, `Reason: Q.850;cause=1`) is the word of the exchange
where the call failed, and the SIP status is what a gateway made of it: the cause wins.  A cause that Asterisk
derived from the status says nothing new.  Sources: ITU-T Q.850 (05/2018) table 1; RFC 3261 section 21;
RFC 3398 section 7.2.4.1 for how the two correspond; RFC 8197 (607), RFC 8688 (608), RFC 8224 (428 to 438).
"""

from __future__ import annotations

from collections.abc import Mapping

from dialer.domain.types import EndedBy, Outcome

_US = Outcome.TRUNK_REFUSED  # our account, our caller id, what we ask of the carrier: nothing of the person

NO_MEDIA = 44  # of a channel that was up: Asterisk's RTP time-out ended it
NOTHING_AGREED = 58  # of a channel that was up: our dialplan ended it, the answer left no way for sound

BY_SIP: Mapping[int, Outcome] = {
    **dict.fromkeys((300, 301, 302, 305, 380), Outcome.MOVED),
    **dict.fromkeys((401, 402, 403, 407), _US),  # our account, our credit
    404: Outcome.UNALLOCATED,
    **dict.fromkeys((405, 406, 413, 414, 415, 416, 420, 421), _US),  # what we ask, and how
    408: Outcome.NETWORK_FAILURE,
    410: Outcome.UNALLOCATED,
    **dict.fromkeys((428, 433, 436, 437, 438), _US),  # our caller id
    480: Outcome.NO_ANSWER,
    **dict.fromkeys((481, 482, 483), Outcome.NETWORK_FAILURE),
    484: Outcome.UNALLOCATED,
    485: Outcome.UNALLOCATED,
    486: Outcome.BUSY,
    487: Outcome.NETWORK_FAILURE,  # somebody cancelled the call, and it was not us
    488: _US,
    493: _US,
    **dict.fromkeys((500, 501, 502, 504), Outcome.NETWORK_FAILURE),
    503: Outcome.CONGESTION,
    **dict.fromkeys((505, 513, 580), _US),
    600: Outcome.BUSY,
    603: Outcome.REJECTED,  # the person's phone declines
    604: Outcome.UNALLOCATED,
    606: _US,
    607: Outcome.REJECTED,
    608: Outcome.REJECTED,
}

BY_CAUSE: Mapping[int, Outcome] = {
    1: Outcome.UNALLOCATED,  # unallocated number
    2: Outcome.NETWORK_FAILURE,  # no route to transit network
    3: Outcome.NETWORK_FAILURE,  # no route to destination
    4: Outcome.UNALLOCATED,  # special information tone
    5: Outcome.UNALLOCATED,  # misdialled trunk prefix
    8: Outcome.CONGESTION,  # pre-emption
    9: Outcome.CONGESTION,
    16: Outcome.NO_ANSWER,  # normal clearing before an answer: the far end stopped ringing
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,  # no user responding
    19: Outcome.NO_ANSWER,  # no answer from user
    20: Outcome.NO_ANSWER,  # subscriber absent: phone off, no coverage
    21: Outcome.REJECTED,  # but see _refuses_us
    22: Outcome.UNALLOCATED,  # number changed
    23: Outcome.MOVED,  # redirection to a new destination
    24: Outcome.REJECTED,  # a feature at the destination rejects it
    25: Outcome.NETWORK_FAILURE,  # exchange routing error
    26: Outcome.NO_ANSWER,  # answered elsewhere
    27: Outcome.NETWORK_FAILURE,  # destination out of order
    28: Outcome.UNALLOCATED,  # invalid number format
    29: _US,  # facility rejected
    31: Outcome.NO_ANSWER,  # normal, unspecified
    34: Outcome.CONGESTION,  # no circuit available
    38: Outcome.NETWORK_FAILURE,  # network out of order
    41: Outcome.NETWORK_FAILURE,  # temporary failure
    42: Outcome.CONGESTION,  # switching equipment congestion
    43: Outcome.NETWORK_FAILURE,  # access information discarded
    44: Outcome.CONGESTION,  # requested circuit not available
    46: Outcome.CONGESTION,  # precedence call blocked
    47: Outcome.CONGESTION,  # resources unavailable
    49: _US,  # quality of service not available
    **dict.fromkeys((50, 52, 53, 54, 55, 57, 58, 62, 63), _US),  # not subscribed, barred, not authorised
    **dict.fromkeys((65, 66, 69, 70, 79), _US),  # not implemented
    87: _US,  # not a member of the closed group
    88: _US,  # incompatible destination
    91: Outcome.NETWORK_FAILURE,  # invalid transit network
    102: Outcome.NETWORK_FAILURE,  # recovery on timer expiry: silence
    111: Outcome.NETWORK_FAILURE,
    127: Outcome.NETWORK_FAILURE,
}

# What Asterisk 22 makes of a SIP status to which nobody gave a cause; any other one becomes INTERWORKING.
DERIVED: Mapping[int, int] = {
    302: 23, 401: 21, 403: 21, 404: 1, 407: 21, 408: 18, 409: 41, 410: 1, 420: 3, 480: 19, 483: 19, 484: 28,
    485: 1, 486: 17, 488: 58, 500: 38, 501: 29, 502: 27, 503: 34, 504: 102, 600: 17, 603: 21, 604: 1, 606: 58,
}  # fmt: skip
INTERWORKING = 127
UNSPECIFIC = frozenset({0, 16, 31, INTERWORKING})  # these explain nothing: the status says more

REJECTED_CAUSE = 21
WE_ARE_REFUSED = frozenset({401, 402, 403, 407})
# A phone that rings proves that the carrier took the call: then these are the word of the far end.
AFTER_RINGING: Mapping[int, Outcome] = {
    403: Outcome.REJECTED,
    406: Outcome.REJECTED,
    # a proxy whose timer for the answer ran out; it cancels what rings behind it (RFC 3261, 16.8)
    **dict.fromkeys((408, 487), Outcome.NO_ANSWER),
    488: Outcome.REJECTED,
    606: Outcome.REJECTED,
}

# In an answered call a person who hangs up leaves one of these (0: a BYE without a reason); any other cause
# is the network's.
BY_A_PERSON = frozenset({0, 16, 17, 19, 21, 26, 31})
OF_A_PERSON = frozenset({480, 486, 487, 600, 603})  # what Asterisk makes of such a cause


def outcome_of(cause: int | None, sip_code: int | None, *, rang: bool = False) -> Outcome:
    """The outcome of a call that was never answered and that we did not end; `rang`: a 180 came before."""
    status = sip_code or 0
    if is_reason(cause, sip_code):
        outcome = BY_CAUSE[cause or 0]
        return _US if cause == REJECTED_CAUSE and status in WE_ARE_REFUSED and not rang else outcome
    if rang and status in AFTER_RINGING:
        return AFTER_RINGING[status]
    if status in BY_SIP:
        return BY_SIP[status]
    if 300 <= status < 400:
        return Outcome.MOVED
    return BY_CAUSE.get(cause or 0, Outcome.NETWORK_FAILURE)


def is_reason(cause: int | None, sip_code: int | None) -> bool:
    """The network gave this cause beside its SIP status, and it says something."""
    if not sip_code or cause in UNSPECIFIC or cause not in BY_CAUSE:
        return False
    return cause != DERIVED.get(sip_code, INTERWORKING)


def ender_of(cause: int | None, sip_code: int | None) -> EndedBy:
    """Who ended an answered call that we did not end.

    A BYE has no status: Asterisk gives one only where its `Reason` has a cause, or where it gave up by itself
    (no usable sound, no ACK, an error within the dialog, the session timer).
    """
    broke = sip_code is not None and sip_code >= 400 and sip_code not in OF_A_PERSON
    return EndedBy.NETWORK if broke or (cause or 0) not in BY_A_PERSON else EndedBy.PERSON
