"""Trunks and phones as SIP objects: what is always set, and what is never let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.adapters.ari.push import (
    PjsipObject,
    endpoint_name,
    object_ids,
    phone_objects,
    trunk_objects,
)
from dialer.domain.errors import BadValue
from dialer.domain.operators import Account
from dialer.domain.trunk import Keys, Transport, Trunk
from dialer.domain.types import Language, OperatorId, PhoneKind, TrunkId

BY_ADDRESS = Trunk(TrunkId("main"), "192.0.2.10")
BY_REGISTRATION = Trunk(
    TrunkId("spare"), "sip.example.net", register=True, user="77", from_user="74950000001"
)
PHONE = Account(OperatorId("101"), "Анна")


def by_kind(objects: tuple[PjsipObject, ...]) -> dict[str, PjsipObject]:
    return {item.kind: item for item in objects}


def test_a_trunk_known_by_its_address_has_no_secrets_and_no_registration() -> None:
    assert [item.kind for item in trunk_objects(BY_ADDRESS, "")] == ["aor", "endpoint", "identify"]


def test_a_registering_trunk_has_all_five_objects_under_its_own_name() -> None:
    objects = trunk_objects(BY_REGISTRATION, "secret")
    assert [item.kind for item in objects] == ["auth", "aor", "endpoint", "identify", "registration"]
    assert {item.id for item in objects if item.kind != "endpoint"} == {"spare"}


def test_the_name_of_a_trunks_endpoint_is_none_that_asterisk_finds_when_it_follows_a_forward() -> None:
    """It dials `PJSIP/<id>/<URI>`, and looks for an endpoint whose name ends at the first slash."""
    objects = by_kind(trunk_objects(BY_REGISTRATION, "secret"))
    assert (objects["endpoint"].id, objects["endpoint"].fields["redirect_method"]) == (
        "trunk/spare",
        "uri_core",
    )
    assert {objects[kind].fields["endpoint"] for kind in ("identify", "registration")} == {"trunk/spare"}
    assert endpoint_name("trunk/spare") == "spare"
    assert set(object_ids("spare")) >= {("endpoint", "spare"), ("endpoint", "trunk/spare")}


@pytest.mark.parametrize(("srtp", "encryption"), [(False, "no"), (True, "sdes")])
def test_sound_is_encrypted_or_there_is_no_call(srtp: bool, encryption: str) -> None:
    fields = by_kind(trunk_objects(replace(BY_ADDRESS, srtp=srtp), ""))["endpoint"].fields
    assert (fields["media_encryption"], fields["media_encryption_optimistic"]) == (encryption, "no")


def test_a_refused_registration_is_never_given_up() -> None:
    fields = by_kind(trunk_objects(BY_REGISTRATION, "secret"))["registration"].fields
    assert fields["auth_rejection_permanent"] == "no"
    assert int(fields["forbidden_retry_interval"]) > 0
    assert int(fields["fatal_retry_interval"]) > 0
    assert int(fields["max_retries"]) * int(fields["retry_interval"]) > 365 * 24 * 3600


def test_the_number_travels_beside_a_from_user_that_hides_it() -> None:
    fields = by_kind(trunk_objects(BY_REGISTRATION, "secret"))["endpoint"].fields
    assert (fields["from_user"], fields["send_pai"], fields["trust_id_outbound"]) == (
        "74950000001",
        "yes",
        "yes",
    )


def test_a_setting_that_was_taken_back_is_written_empty_and_not_left_out() -> None:
    fields = by_kind(trunk_objects(BY_ADDRESS, ""))["endpoint"].fields
    assert (fields["from_user"], fields["outbound_auth"], fields["send_pai"]) == ("", "", "no")


def test_nobody_becomes_the_trunk_by_calling_himself_so() -> None:
    fields = by_kind(trunk_objects(BY_ADDRESS, ""))["endpoint"].fields
    assert (fields["identify_by"], fields["context"], fields["allow_transfer"]) == ("ip", "obz-in", "no")


@pytest.mark.parametrize(
    ("transport", "host", "contact"),
    [
        (Transport.UDP, "192.0.2.10", "sip:192.0.2.10:5060"),
        (Transport.TCP, "sip.example.net", "sip:sip.example.net:5060;transport=tcp"),
        (Transport.TLS, "sip.example.net", "sip:sip.example.net:5060;transport=tls"),
    ],
)
def test_a_trunk_is_reached_by_its_transport(transport: Transport, host: str, contact: str) -> None:
    objects = by_kind(trunk_objects(replace(BY_ADDRESS, transport=transport, host=host), ""))
    assert objects["aor"].fields["contact"] == contact
    assert objects["endpoint"].fields["transport"] == transport


def test_a_phone_behind_nat_is_heard_and_a_vanished_one_is_noticed() -> None:
    fields = by_kind(phone_objects(PHONE, "pw"))["endpoint"].fields
    nat = [fields[name] for name in ("rtp_symmetric", "force_rport", "rewrite_contact", "direct_media")]
    assert nat == ["yes", "yes", "yes", "no"]
    assert int(fields["rtp_timeout"]) > 8  # a mute phone sends one packet every 5 s
    assert fields["context"] == "obz-phones"
    assert int(fields["rtp_keepalive"]) >= 1


def test_a_phone_that_registers_anew_replaces_its_old_address() -> None:
    fields = by_kind(phone_objects(PHONE, "pw"))["aor"].fields
    assert (fields["max_contacts"], fields["remove_existing"]) == ("1", "yes")


def test_prompts_speak_the_language_of_the_operator() -> None:
    english = replace(PHONE, language=Language.EN)
    spoken = [by_kind(phone_objects(who, "pw"))["endpoint"].fields["language"] for who in (PHONE, english)]
    assert spoken == ["ru_RU_f_IvrvoiceRU", "en"]


def test_an_outside_phone_is_not_pushed() -> None:
    assert phone_objects(replace(PHONE, phone=PhoneKind.OUTSIDE), "") == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "Main"}, "name"),
        ({"id": "a\nb"}, "name"),
        ({"id": "-main"}, "name"),
        ({"id": "a" * 33}, "name"),
        ({"id": "101"}, "operator"),
        ({"host": "192.0.2.10:5060"}, "host"),
        ({"host": "sip.example.net\r\nX: y"}, "host"),
        ({"host": "a..b"}, "host"),
        ({"host": ""}, "host"),
        ({"host": "x" * 260}, "host"),
        ({"port": 0}, "port"),
        ({"port": 70000}, "port"),
        ({"user": "7 7"}, "user"),
        ({"user": "77\n"}, "user"),
        ({"from_user": "7495;x=1"}, "from_user"),
        ({"codecs": ("alaw", "mp3")}, "mp3"),
        ({"codecs": ()}, "codecs"),
        ({"register": True}, "register"),
    ],
)
def test_a_trunk_that_would_break_the_configuration_is_refused_by_name(
    change: dict[str, object], named: str
) -> None:
    with pytest.raises(BadValue, match=named):
        trunk_objects(replace(BY_ADDRESS, **change), "secret")  # type: ignore[arg-type]  # bad values on purpose


@pytest.mark.parametrize("password", ["", "a\nb", "a\rb", "a\x00b", "x" * 129])
def test_a_password_that_would_break_the_configuration_is_refused_and_not_shown(password: str) -> None:
    for push in (lambda: trunk_objects(BY_REGISTRATION, password), lambda: phone_objects(PHONE, password)):
        with pytest.raises(BadValue) as refusal:
            push()
        assert not password or password not in str(refusal.value)


@pytest.mark.parametrize("number", ["1", "1234567", "10a", "10\n", "١٠١"])
def test_a_phone_with_an_impossible_number_is_refused(number: str) -> None:
    with pytest.raises(BadValue, match="number"):
        phone_objects(replace(PHONE, id=OperatorId(number)), "pw")


@pytest.mark.parametrize("host", ["2001:db8::1", "::1", "[2001:db8::1]:5060", "[::1]"])
def test_an_ipv6_host_is_refused_with_what_to_give_instead(host: str) -> None:
    with pytest.raises(BadValue, match="IPv6 address, and SIP listens on IPv4"):
        trunk_objects(replace(BY_ADDRESS, host=host), "")


def test_how_keys_come_whether_the_carrier_is_probed_and_how_long_a_line_may_be_silent_are_set() -> None:
    quiet = by_kind(trunk_objects(replace(BY_ADDRESS, probe=False, keys=Keys.INBAND), ""))
    assert quiet["aor"].fields["qualify_frequency"] == "0"
    assert quiet["endpoint"].fields["dtmf_mode"] == "inband"
    usual = by_kind(trunk_objects(BY_ADDRESS, ""))
    assert int(usual["aor"].fields["qualify_frequency"]) > 0
    assert (usual["endpoint"].fields["dtmf_mode"], usual["endpoint"].fields["rtp_timeout"]) == (
        "rfc4733",
        "30",
    )
    assert int(usual["endpoint"].fields["rtp_timeout_hold"]) > 300  # the longest hold
