"""Trunk registrations as AMI tells them, from a real Asterisk and a real carrier."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from dialer.adapters.ami.registrations import Ami
from dialer.domain.errors import BadValue, LinkDown, TimedOut
from dialer.domain.trunk import Trunk
from dialer.domain.types import TrunkId
from dialer.lab.lab import Lab, Options
from tests.pbx.linked import PLAN, polled, ready

ACCOUNT = TrunkId("account")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with Lab.start(Options(plan=PLAN, phones=0, is_heard=False)) as running:
        yield running


@asynccontextmanager
async def ami(lab: Lab, *, secret: str = "") -> AsyncIterator[Ami]:
    values = lab.values
    client = Ami(
        values["AMI_ADDRESS"],
        int(values["AMI_PORT"]),
        values["AMI_USER"],
        secret or values["AMI_SECRET"],
        timeout_s=1,
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


def registering(lab: Lab) -> Trunk:
    return Trunk(ACCOUNT, lab.trunk.host, lab.trunk.port, register=True, user=lab.trunk.user)


async def connected(client: Ami) -> bool:
    return client.is_connected


@pytest.mark.parametrize(
    ("user", "secret"), [("dialer", "a\r\nAction: Originate"), ("a\nb", "secret"), ("", "x"), ("x", "")]
)
async def test_a_log_in_that_would_smuggle_in_another_action_is_refused(user: str, secret: str) -> None:
    with pytest.raises(BadValue, match="AMI"):
        Ami("127.0.0.1", 1, user, secret)


async def test_without_a_registering_trunk_there_is_nothing_to_tell(lab: Lab) -> None:
    async with ami(lab) as client:
        await polled(lambda: connected(client), "logged in")
        assert await client.registrations() == {}


async def test_a_trunk_is_registered_and_after_a_change_to_its_address_no_more(lab: Lab) -> None:
    async with ami(lab) as client, ready(lab) as link:
        await link.switch.push_trunk(registering(lab), lab.trunk.password)

        async def registered() -> bool:
            known = await client.registrations() if client.is_connected else {}
            return ACCOUNT in known and known[ACCOUNT].is_registered

        await polled(registered, "registered", timeout_s=15)
        await link.switch.push_trunk(Trunk(ACCOUNT, lab.trunk.host, lab.trunk.port), "")
        assert await client.registrations() == {}
        await link.switch.drop_endpoint(ACCOUNT)


async def test_a_refused_registration_is_told_and_mended_by_the_right_password(lab: Lab) -> None:
    async with ami(lab) as client, ready(lab) as link:
        await link.switch.push_trunk(registering(lab), "wrong")

        async def refused() -> bool:
            known = await client.registrations() if client.is_connected else {}
            return ACCOUNT in known and known[ACCOUNT].status == "rejected"

        await polled(refused, "refused", timeout_s=15)
        await link.switch.push_trunk(registering(lab), lab.trunk.password)

        async def registered() -> bool:
            return (await client.registrations())[ACCOUNT].is_registered

        await polled(registered, "registered after all", timeout_s=15)
        await link.switch.drop_endpoint(ACCOUNT)


async def test_with_a_wrong_password_it_says_that_it_is_not_connected(lab: Lab) -> None:
    async with ami(lab, secret="wrong") as client:

        async def refused() -> bool:
            return client.is_refused

        await polled(refused, "refused")
        with pytest.raises(LinkDown, match="user and password"):
            await client.registrations()


async def test_it_comes_back_by_itself_after_asterisks_restart(lab: Lab) -> None:
    async with ami(lab) as client:
        await polled(lambda: connected(client), "logged in")
        await lab.pbx.kill9()

        async def lost() -> bool:
            return not client.is_connected

        await polled(lost, "lost")
        with pytest.raises(LinkDown):
            await client.registrations()
        await lab.pbx.start()
        await polled(lambda: connected(client), "logged in again")
        assert await client.registrations() == {}


async def test_a_frozen_asterisk_costs_its_timeout_and_nothing_is_asked_twice(lab: Lab) -> None:
    async with ami(lab) as client:
        await polled(lambda: connected(client), "logged in")
        lab.pbx.suspend()
        try:
            with pytest.raises(TimedOut):
                await client.registrations()
        finally:
            lab.pbx.resume()
        await polled(lambda: connected(client), "logged in again")
        assert await client.registrations() == {}
