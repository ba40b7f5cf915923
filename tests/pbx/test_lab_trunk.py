"""A trunk that registers with a password, and the AMI user that may look and not touch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dialer.lab import tones
from dialer.lab.console import Console, ConsoleRefused, Login, Message
from dialer.lab.lab import Lab

ACCOUNT = "by-registration"


@pytest_asyncio.fixture(loop_scope="session")
async def ami(lab: Lab) -> AsyncIterator[Console]:
    """The PBX's own AMI with the user that the service has."""
    console, values = Console(), lab.values
    user, secret = values["AMI_USER"], values["AMI_SECRET"]
    await console.open(Login(values["AMI_ADDRESS"], int(values["AMI_PORT"]), user, secret))
    yield console
    await console.close()


async def push_account(ari: Any, lab: Lab, password: str) -> None:
    server = f"sip:{lab.trunk.host}:{lab.trunk.port}"
    await ari.push("auth", ACCOUNT, auth_type="userpass", username=lab.trunk.user, password=password)
    await ari.push("aor", ACCOUNT, contact=server)
    fields = {"aors": ACCOUNT, "outbound_auth": ACCOUNT, "from_user": lab.trunk.user, "context": "obz-in"}
    await ari.push("endpoint", ACCOUNT, **fields, disallow="all", allow="alaw,ulaw", transport="udp")
    fields = {"server_uri": server, "client_uri": f"sip:{lab.trunk.user}@{lab.trunk.host}"}
    fields |= {"outbound_auth": ACCOUNT, "transport": "udp", "max_random_initial_delay": "0"}
    fields |= {"auth_rejection_permanent": "no", "retry_interval": "1", "forbidden_retry_interval": "1"}
    await ari.push("registration", ACCOUNT, **fields)


async def registration(ami: Console) -> str:
    """The status of the account's registration, as AMI tells it."""
    async with ami.listen() as ear:
        await ami.ask("PJSIPShowRegistrationsOutbound")
        found: list[Message] = []
        while (event := await ear.get())["Event"] != "OutboundRegistrationDetailComplete":
            found.append(event)
    return next((each["Status"] for each in found if each.get("ObjectName") == ACCOUNT), "")


async def test_a_trunk_registers_shows_it_and_carries_a_call(
    ari: Any, ear: Any, lab: Lab, ami: Console, until: Any
) -> None:
    async def is_registered() -> bool:
        return await registration(ami) == "Registered"

    async def is_rejected() -> bool:
        return await registration(ami) == "Rejected"

    await push_account(ari, lab, "wrong")
    await until(is_rejected, "a wrong password refused")
    await push_account(ari, lab, lab.trunk.password)
    await until(is_registered, "the trunk registered")
    person = await ari.originate(f"PJSIP/79161230055@{ACCOUNT}", "obz-out/answered")
    operator = await ari.ring("101")
    await ari.up(operator)
    await ari.talk(person, operator)
    await tones.listen_for(lab.world.heard_by("79161230055"), lab.world.phone("101").hertz)
    await ari.hang_up(person, operator)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        (
            "Originate",
            {
                "Channel": "PJSIP/79161230056@carrier",
                "Context": "obz-out",
                "Exten": "answered",
                "Priority": "1",
            },
        ),
        ("Command", {"Command": "core stop now"}),
        ("Hangup", {"Channel": "/.*/"}),
        ("Redirect", {"Channel": "x", "Context": "obz-out", "Exten": "safe", "Priority": "1"}),
        ("Reload", {}),
        ("DBPut", {"Family": "obz_auth", "Key": "101", "Val": "{}"}),
        ("GetConfig", {"Filename": "ari.conf"}),
        ("UpdateConfig", {"SrcFilename": "ari.conf", "DstFilename": "ari.conf"}),
        ("Setvar", {"Variable": "OBZ_FALLBACK", "Value": "x"}),
    ],
)
async def test_the_ami_user_may_look_and_not_touch(ami: Console, action: str, fields: dict[str, str]) -> None:
    with pytest.raises(ConsoleRefused, match="Permission"):
        await ami.ask(action, **fields)


async def test_ami_asks_for_the_secret(lab: Lab) -> None:
    console = Console()
    with pytest.raises(ConsoleRefused, match="Authentication failed"):
        await console.open(
            Login(lab.values["AMI_ADDRESS"], int(lab.values["AMI_PORT"]), lab.values["AMI_USER"], "no")
        )
    await console.close()


async def test_asterisk_has_nothing_else_to_complain_of(left_alone: Any) -> None:
    channel = await left_alone.call("79161230057", OBZ_REC="rec-quiet")
    await left_alone.up(channel)
    await left_alone.gone(channel)
    for instance in (left_alone.lab.pbx, left_alone.lab.world.carrier.instance):
        lines = await asyncio.to_thread((instance.folder / "log/messages").read_text)
        assert [line for line in lines.splitlines() if is_complaint(line)] == []


EXPECTED = (
    "websocket",  # while no service is there: for each event and for each try to reach it
    "stir_shaken",  # once for each endpoint that is pushed: an option that Asterisk has filled in itself
)


def is_complaint(line: str) -> bool:
    return ("WARNING" in line or "ERROR" in line) and not any(words in line for words in EXPECTED)
