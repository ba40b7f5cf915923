"""What an unanswered call's end means: SIP status and Q.850 cause to outcome.

The SIP status is the network's own word and goes first; the Q.850 cause is what Asterisk (or a gateway behind
the trunk) made of it.  Sources: ITU-T Q.850 (05/2018) table 1; RFC 3261 section 21; RFC 3398 section 7.2.4.1
for how the two correspond; RFC 8197 (607) and RFC 8688 (608).
"""

from __future__ import annotations

from collections.abc import Mapping

from dialer.domain.types import Outcome

BY_SIP: Mapping[int, Outcome] = {
    401: Outcome.NETWORK_FAILURE,  # our own account at the trunk is refused
    407: Outcome.NETWORK_FAILURE,
    403: Outcome.REJECTED,
    404: Outcome.UNALLOCATED,
    405: Outcome.REJECTED,
    406: Outcome.REJECTED,
    408: Outcome.NO_ANSWER,
    410: Outcome.UNALLOCATED,
    433: Outcome.REJECTED,
    480: Outcome.NO_ANSWER,
    484: Outcome.UNALLOCATED,
    485: Outcome.UNALLOCATED,
    486: Outcome.BUSY,
    487: Outcome.NO_ANSWER,
    488: Outcome.REJECTED,
    500: Outcome.NETWORK_FAILURE,
    501: Outcome.NETWORK_FAILURE,
    502: Outcome.NETWORK_FAILURE,
    503: Outcome.CONGESTION,
    504: Outcome.NETWORK_FAILURE,
    600: Outcome.BUSY,
    603: Outcome.REJECTED,
    604: Outcome.UNALLOCATED,
    606: Outcome.REJECTED,
    607: Outcome.REJECTED,
    608: Outcome.REJECTED,
}

BY_CAUSE: Mapping[int, Outcome] = {
    1: Outcome.UNALLOCATED,  # unallocated number
    2: Outcome.NETWORK_FAILURE,  # no route to transit network
    3: Outcome.NETWORK_FAILURE,  # no route to destination
    16: Outcome.NO_ANSWER,  # normal clearing before an answer: the far end stopped ringing
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,  # no user responding
    19: Outcome.NO_ANSWER,  # no answer from user
    20: Outcome.NO_ANSWER,  # subscriber absent: phone off, no coverage
    21: Outcome.REJECTED,
    22: Outcome.UNALLOCATED,  # number changed
    23: Outcome.REJECTED,
    27: Outcome.NETWORK_FAILURE,  # destination out of order
    28: Outcome.UNALLOCATED,  # invalid number format
    29: Outcome.REJECTED,  # facility rejected
    31: Outcome.NO_ANSWER,  # normal, unspecified
    34: Outcome.CONGESTION,  # no circuit available
    38: Outcome.NETWORK_FAILURE,  # network out of order
    41: Outcome.NETWORK_FAILURE,  # temporary failure
    42: Outcome.CONGESTION,  # switching equipment congestion
    44: Outcome.CONGESTION,  # requested circuit not available
    47: Outcome.CONGESTION,  # resources unavailable
    50: Outcome.REJECTED,
    55: Outcome.REJECTED,
    57: Outcome.REJECTED,
    58: Outcome.REJECTED,  # bearer capability not available
    88: Outcome.REJECTED,  # incompatible destination
    102: Outcome.NO_ANSWER,  # recovery on timer expiry
    111: Outcome.NETWORK_FAILURE,
    127: Outcome.NETWORK_FAILURE,
}


def outcome_of(cause: int | None, sip_code: int | None) -> Outcome:
    """The outcome of a call that was never answered and that we did not end."""
    if sip_code and sip_code in BY_SIP:
        return BY_SIP[sip_code]
    return BY_CAUSE.get(cause or 0, Outcome.NETWORK_FAILURE)
