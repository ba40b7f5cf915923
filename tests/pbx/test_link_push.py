"""Trunks and phones given to a real Asterisk at run time, and given again when it has lost them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from dialer.domain.call import Destroyed, EnteredApp, EnteredBridge, KeyPressed
from dialer.domain.errors import Refused
from dialer.domain.operators import Account
from dialer.domain.trunk import Trunk
from dialer.domain.types import BridgeId, Language, OperatorId, TrunkId
from dialer.lab.lab import Lab, Options
from dialer.ports.asterisk import Outgoing, PhoneNews
from tests.pbx.linked import ANSWERS, BUSY, PLAN, Linked, linked, polled, ready, trunk_of


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab() -> AsyncIterator[Lab]:
    async with Lab.start(Options(plan=PLAN, phones=1, loners=1, is_heard=False)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def link(lab: Lab) -> AsyncIterator[Linked]:
    async with ready(lab) as running:
        yield running


def account(lab: Lab, index: int = 0) -> tuple[Account, str]:
    """One of the lab's phones as an operator's, and its password."""
    handset = lab.handsets[index]
    return Account(OperatorId(handset.number), "Анна"), handset.password


def reachable(link: Linked, name: str, is_reachable: bool) -> bool:
    news = [item for item in link.diary.news if isinstance(item, PhoneNews) and item.endpoint == name]
    return any(item.is_reachable is is_reachable for item in news)


async def test_a_pushed_phone_registers_and_can_be_called(lab: Lab, link: Linked) -> None:
    who, password = account(lab)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    await link.diary.until(lambda: reachable(link, who.id, True), "the phone answers probes")
    leg = link.channel()
    await link.switch.originate(
        Outgoing(
            leg,
            endpoint=f"PJSIP/{who.id}",
            context="obz-leg",
            exten="up",
            caller_id="74950000000",
            timeout_s=20,
        )
    )
    await link.diary.hears(leg, EnteredApp)
    await link.switch.hang_up(leg)
    await link.diary.hears(leg, Destroyed)


async def test_a_key_pressed_in_mid_talk_is_heard_and_heard_once(lab: Lab, link: Linked) -> None:
    who, password = account(lab)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    leg, bridge = link.channel(), BridgeId(f"b-{link.run}")
    await link.switch.create_bridge(bridge)
    await link.switch.originate(
        Outgoing(
            leg,
            endpoint=f"PJSIP/{who.id}",
            context="obz-leg",
            exten="up",
            caller_id="74950000000",
            timeout_s=20,
        )
    )
    await link.diary.hears(leg, EnteredApp)
    await link.switch.add(leg, bridge)
    person = await link.call(ANSWERS)
    await link.diary.hears(person, EnteredApp)
    await link.switch.connect(person, bridge)
    await link.diary.hears(person, EnteredBridge)
    await lab.world.phone(who.id).press("57")
    await link.diary.until(lambda: len(link.diary.of(leg, KeyPressed)) >= 2, "both keys")
    await link.switch.hang_up(person)
    await link.switch.hang_up(leg)
    await link.diary.hears(leg, Destroyed)
    assert [getattr(key, "digit", "") for key in link.diary.of(leg, KeyPressed)] == ["5", "7"]
    await link.switch.destroy_bridge(bridge)


async def test_a_phone_that_is_pushed_again_stays_registered(lab: Lab, link: Linked) -> None:
    who, password = account(lab)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    await link.switch.push_phone(replace(who, language=Language.EN), password)
    assert f"{who.id}/sip:" in await lab.pbx.cli("pjsip show contacts")


async def test_an_asterisk_that_has_lost_everything_gets_it_back(lab: Lab) -> None:
    who, password = account(lab)
    async with linked(lab) as link:
        link.switch.want_phone(who, password)
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        await lab.pbx.kill9()
        for database in (lab.pbx.folder / "lib").glob("astdb*"):
            database.unlink()
        await lab.pbx.start()
        await link.diary.until(lambda: len(link.diary.boots) == 2, "the link is ready again")
        await lab.world.phone(who.id).registered()
        channel = await link.call(BUSY)
        await link.diary.hears(channel, Destroyed)


async def test_one_impossible_trunk_does_not_keep_the_others_out(lab: Lab) -> None:
    async with linked(lab, trunk=False) as link:
        link.switch.want_trunk(Trunk(TrunkId("abroad"), "no-such-host.invalid"), "")
        link.switch.want_trunk(trunk_of(lab), "")
        await link.diary.until(lambda: bool(link.diary.boots), "the link is ready")
        channel = await link.call(ANSWERS)
        await link.diary.hears(channel, EnteredApp)
        await link.switch.hang_up(channel)
        await link.switch.drop_endpoint("abroad")


async def test_a_dropped_trunk_dials_no_more(lab: Lab, link: Linked) -> None:
    spare = replace(trunk_of(lab), id=TrunkId("spare"))
    await link.switch.push_trunk(spare, "")
    assert "spare" in await link.switch.endpoints()
    await link.switch.drop_endpoint("spare")
    with pytest.raises(Refused, match="spare"):
        await link.switch.originate(
            Outgoing(
                link.channel(),
                endpoint="PJSIP/79000100001@spare",
                context="obz-out",
                exten="answered",
                caller_id="74950000000",
                timeout_s=20,
            )
        )


async def test_a_trunk_that_moves_leaves_no_trace_of_its_old_address(lab: Lab, link: Linked) -> None:
    old = Trunk(TrunkId("moving"), "192.0.2.1", from_user="74950000001")
    await link.switch.push_trunk(old, "")
    await link.switch.push_trunk(replace(old, host="192.0.2.2", from_user=""), "")
    shown = await lab.pbx.cli("pjsip show endpoint moving")
    assert "192.0.2.2" in shown
    assert "192.0.2.1" not in shown
    assert "74950000001" not in shown
    await link.switch.drop_endpoint("moving")


async def test_a_phone_that_vanishes_is_noticed(lab: Lab, link: Linked) -> None:
    who, password = account(lab, 1)
    await link.switch.push_phone(who, password)
    await lab.world.phone(who.id).registered()
    await link.diary.until(lambda: reachable(link, who.id, True), "the phone answers probes")
    group = next(each for each in lab.world.phones if each.handsets[0].number == who.id)
    await group.instance.kill9()
    try:
        await link.diary.until(lambda: reachable(link, who.id, False), "the phone is gone", timeout_s=12)
    finally:
        await group.instance.start()


async def test_the_online_list_names_what_answers(lab: Lab, link: Linked) -> None:
    async def online() -> bool:
        return (await link.switch.endpoints()).get("main", False)

    await polled(online, "the trunk answers probes", timeout_s=15)
