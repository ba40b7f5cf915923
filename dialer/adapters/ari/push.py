"""Trunks and operators' phones as the SIP objects that Asterisk keeps for them, every value checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialer.domain.abilities import CODECS
from dialer.domain.errors import BadValue
from dialer.domain.operators import Account
from dialer.domain.said import said
from dialer.domain.trunk import Keys, Trunk, check_trunk
from dialer.domain.types import NAME, OPERATOR_NUMBER, Language, PhoneKind

KINDS = ("auth", "aor", "endpoint", "identify", "registration")  # each leans on those before it
TRUNKS = "trunk/"  # begins the id of every trunk's endpoint: see `_trunk_endpoint`
ADDITIVE = ("contact", "match")  # fields that grow when an object is written again: delete it first

HOST = re.compile(r"(?!.{254})[A-Za-z0-9]+(-+[A-Za-z0-9]+)*(\.[A-Za-z0-9]+(-+[A-Za-z0-9]+)*)*")
SIP_USER = re.compile(r"[A-Za-z0-9._~!*'+-]{1,64}")
LONGEST_PASSWORD = 128

NEVER_LAST_TRY = "100000000"  # of a registration; ten tries, the default, are over in ten minutes
# Without a packet of sound. A phone that is mute or finds silence sends one every 5 s (PJSIP's heartbeat).
SILENT_PHONE_S, SILENT_TRUNK_S, SILENT_HOLD_S = "10", "30", "600"
KEYS_MODE = {Keys.RFC4733: "rfc4733", Keys.INBAND: "inband", Keys.INFO: "info", Keys.AUTO: "auto"}
NO_PROBE = "0"
PROBE_PHONE_S, PROBE_TRUNK_S, PROBE_TIMEOUT_S = "5", "10", "3.0"

# the folders of Debian's packages; there is no link `ru`
PROMPTS = {Language.RU: "ru_RU_f_IvrvoiceRU", Language.EN: "en"}

MEDIA_HERE = {"direct_media": "no", "rtp_symmetric": "yes", "force_rport": "yes"}
NOTHING_ELSE = {"send_connected_line": "no", "allow_transfer": "no", "allow_subscribe": "no"}
# Asterisk itself tells the phone, by a re-INVITE, who came into its bridge: CALLERID of the person's channel.
WHO_IS_ON_THE_LINE = {"send_connected_line": "yes", "send_pai": "yes", "trust_id_outbound": "yes"}


@dataclass(frozen=True, slots=True)
class PjsipObject:
    """One object of Asterisk's dynamic configuration."""

    kind: str
    id: str
    fields: Mapping[str, str]


def trunk_objects(trunk: Trunk, password: str) -> tuple[PjsipObject, ...]:
    """What Asterisk needs to call out by this trunk and to know its return calls; raises BadValue."""
    _check_trunk(trunk, password)
    objects = [
        PjsipObject(
            "aor",
            trunk.id,
            {"contact": _uri(trunk, trunk.user), **_probe(PROBE_TRUNK_S if trunk.probe else NO_PROBE)},
        ),
        PjsipObject("endpoint", f"{TRUNKS}{trunk.id}", _trunk_endpoint(trunk)),
        PjsipObject("identify", trunk.id, {"endpoint": f"{TRUNKS}{trunk.id}", "match": trunk.host}),
    ]
    if trunk.user:
        objects.insert(0, _auth(trunk.id, trunk.user, password))
    if trunk.register:
        objects.append(PjsipObject("registration", trunk.id, _registration(trunk)))
    return tuple(objects)


def phone_objects(account: Account, password: str) -> tuple[PjsipObject, ...]:
    """What Asterisk needs to let this operator's SIP phone register; nothing for an outside phone."""
    if account.phone is PhoneKind.OUTSIDE:
        return ()
    place = f"operator {account.id!r}"
    _check(OPERATOR_NUMBER, account.id, place, "number", "two to six digits")
    _check_password(password, place)
    aor = {"max_contacts": "1", "remove_existing": "yes", **_probe(PROBE_PHONE_S)}
    return (
        _auth(account.id, account.id, password),
        PjsipObject("aor", account.id, aor),
        PjsipObject("endpoint", account.id, _phone_endpoint(account)),
    )


def check_name(name: str) -> str:
    """The name of an endpoint, if Asterisk may hear it; raises BadValue."""
    _check(NAME, name, "endpoint", "name", "lower-case letters, digits and dashes, 32 at most")
    return name


def endpoint_name(endpoint: str) -> str:
    """The trunk or phone that an endpoint of Asterisk's belongs to."""
    return endpoint.removeprefix(TRUNKS)


def object_ids(name: str) -> Sequence[tuple[str, str]]:
    """Kind and id of all that Asterisk may have of this trunk or phone, an earlier version's included."""
    return [(kind, name) for kind in KINDS] + [("endpoint", f"{TRUNKS}{name}")]


def _trunk_endpoint(trunk: Trunk) -> dict[str, str]:
    """No forward (SIP 3xx) of the carrier's is ever followed.

    Asterisk follows one in the core and has no switch for it. With `user` it dials whatever the carrier has
    written, `PJSIP/number@trunk` and `Local/...` included; with `uri_core` `PJSIP/<our endpoint>/<URI>`.
    It reads what is before the second slash as the name of the endpoint: `trunk`, and there is none.
    We ourselves write `PJSIP/<number>@trunk\\/<id>`, where the slash is no border.
    """
    return {
        "redirect_method": "uri_core",
        "transport": trunk.transport,
        "context": "obz-in",
        "disallow": "all",
        "allow": ",".join(trunk.codecs),
        "aors": trunk.id,
        "outbound_auth": trunk.id if trunk.user else "",
        "identify_by": "ip",  # a stranger who calls himself like the trunk is not the trunk
        "from_user": trunk.from_user,
        "from_domain": trunk.host if trunk.user else "",
        "send_pai": "yes" if trunk.from_user else "no",  # from_user hides the number, this carries it
        "trust_id_outbound": "yes" if trunk.from_user else "no",
        "trust_id_inbound": "yes",
        "dtmf_mode": KEYS_MODE[trunk.keys],
        "media_encryption": "sdes" if trunk.srtp else "no",
        "media_encryption_optimistic": "no",  # a carrier that wants plain sound gets no call
        "rtp_timeout": SILENT_TRUNK_S,  # an answered call without a packet is none
        "rtp_timeout_hold": SILENT_HOLD_S,  # on the carrier's own hold nothing need come
        **MEDIA_HERE,
        **NOTHING_ELSE,
    }


def _phone_endpoint(account: Account) -> dict[str, str]:
    return {
        "context": "obz-phones",
        "disallow": "all",
        "allow": "alaw,ulaw",
        "aors": account.id,
        "auth": account.id,
        "identify_by": "username",
        "callerid": f"<{account.id}>",
        "language": PROMPTS[account.language],
        "dtmf_mode": "auto",
        "rewrite_contact": "yes",  # the phone may sit behind NAT
        "rtp_timeout": SILENT_PHONE_S,  # a vanished phone frees its operator's leg
        "rtp_keepalive": "1",  # alone in its bridge Asterisk would send it nothing
        **MEDIA_HERE,
        **NOTHING_ELSE,
        **WHO_IS_ON_THE_LINE,
    }


def _registration(trunk: Trunk) -> dict[str, str]:
    """A refusal is never the last word: carriers refuse by mistake, and accounts get paid."""
    return {
        "server_uri": _uri(trunk, ""),
        "client_uri": _uri(trunk, trunk.user),
        "contact_user": trunk.user,
        "outbound_auth": trunk.id,
        "transport": trunk.transport,
        "endpoint": f"{TRUNKS}{trunk.id}",
        "line": "yes",
        "expiration": "300",
        "max_random_initial_delay": "1",  # ten seconds, the default, are for hundreds of trunks at once
        "retry_interval": "20",
        "max_retries": NEVER_LAST_TRY,
        "auth_rejection_permanent": "no",
        "forbidden_retry_interval": "60",
        "fatal_retry_interval": "60",
    }


def _auth(name: str, user: str, password: str) -> PjsipObject:
    return PjsipObject("auth", name, {"auth_type": "userpass", "username": user, "password": password})


def _probe(every_s: str) -> dict[str, str]:
    return {"qualify_frequency": every_s, "qualify_timeout": PROBE_TIMEOUT_S}


def _uri(trunk: Trunk, user: str) -> str:
    at = f"{user}@" if user else ""
    transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
    return f"sip:{at}{trunk.host}:{trunk.port}{transport}"


def _check_trunk(trunk: Trunk, password: str) -> None:
    place = f"trunk {trunk.id!r}"
    _check(NAME, trunk.id, place, "name", "lower-case letters, digits and dashes, 32 at most")
    if OPERATOR_NUMBER.fullmatch(trunk.id):
        raise BadValue(
            said("{place}: two to six digits are an operator's number, give the trunk a name", place=place)
        )
    check_trunk(trunk)
    if not _is_address(trunk.host):
        wanted = "a host name or an IP address; the port is a field of its own"
        _check(HOST, trunk.host, place, "host", wanted)
    if not 1 <= trunk.port <= 65535:
        raise BadValue(
            said(
                "{place}: port {port} does not exist, use 1 to 65535 (SIP has 5060)",
                place=place,
                port=trunk.port,
            )
        )
    for what, value in (("user", trunk.user), ("from_user", trunk.from_user)):
        if value:
            _check(SIP_USER, value, place, what, "letters, digits and . _ ~ ! * ' + - only")
    strange = [codec for codec in trunk.codecs if codec not in CODECS]
    if strange or not trunk.codecs:
        known = ", ".join(sorted(CODECS))
        raise BadValue(
            said(
                "{place}: codecs {value} will not do, choose from {known}",
                place=place,
                value=strange or "none",
                known=known,
            )
        )
    if trunk.register and not trunk.user:
        raise BadValue(
            said("{place}: it cannot register without a user, set one or turn registration off", place=place)
        )
    if trunk.user:
        _check_password(password, place)


def _check(pattern: re.Pattern[str], value: str, place: str, what: str, wanted: str) -> None:
    if not pattern.fullmatch(value):
        raise BadValue(
            said(
                "{place}: {what} {value!r} is not acceptable, use {wanted}",
                place=place,
                what=what,
                value=value,
                wanted=wanted,
            )
        )


def _check_password(password: str, place: str) -> None:
    if not password:
        raise BadValue(said("{place}: the password is empty, put it into its password file", place=place))
    if len(password) > LONGEST_PASSWORD or not password.isprintable():
        raise BadValue(
            said(
                "{place}: the password holds a control character or is longer than"
                " {longest_password}: a password file has one line",
                place=place,
                longest_password=LONGEST_PASSWORD,
            )
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
