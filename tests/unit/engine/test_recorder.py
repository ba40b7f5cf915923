"""One fact that the database refuses stops no other fact, and is lost nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from dialer.domain.cdr import Closing, Tally, WrapUp
from dialer.domain.errors import BadValue, StoreRefused
from dialer.domain.operators import State, StateChange
from dialer.domain.trunk import Trunk
from dialer.domain.types import CallId, CampaignId, LeadId, LeadStatus, Mode, OperatorId
from dialer.engine import recorder
from dialer.engine.recorder import Fact
from dialer.rehearsal import CELL
from dialer.sim.clock import now, run, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import MAIN, House, at_work
from tests.unit.engine.virtual import in_virtual_time

RETRY_S = 60.0  # ten times sooner than it really is
REFUSALS = (StoreRefused("value out of range"), BadValue("no zone"), ZeroDivisionError(), KeyError("lead"))


def of(fact: Fact) -> CallId | None:
    return fact.call


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("kind", [Closing, WrapUp, StateChange])
def test_a_fact_that_the_database_refuses_is_kept_apart_and_all_the_others_arrive(
    refusal: Exception, kind: type[Fact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_S", RETRY_S)
    run(_one_refused(refusal, kind))


async def _one_refused(refusal: Exception, kind: type[Fact]) -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    await house.furnish(operators=1, leads=6, wrap_up_s=1.0)
    refused: list[Fact] = []

    def refuse(fact: Fact) -> Exception | None:
        """The first of this kind that belongs to a call, for as long as it is told."""
        if not refused and isinstance(fact, kind) and of(fact) is not None:
            refused.append(fact)
        return refusal if refused and fact == refused[0] else None

    ledger = house.stores.ledger
    ledger.refuse = refuse  # type: ignore[attr-defined]
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 6, 200)
    await house.settled()
    await until(lambda: house.operator().state is State.READY)
    await until(lambda: not house.journal.depth())
    (kept,) = house.recorder.refusals.all()
    assert (kept.fact, kept.reason) == (refused[0], str(refusal) or type(refusal).__name__)
    assert len(await house.cdrs()) == (5 if kind is Closing else 6)
    ledger.refuse = lambda fact: None  # type: ignore[attr-defined]
    await asyncio.sleep(RETRY_S + 1)
    assert house.recorder.refusals.all() == []
    assert len(await house.check_records()) == 6
    house.shell.guard.failed.clear()  # what was no refusal was counted as a mistake
    await house.stop()


@in_virtual_time
async def test_what_is_refused_and_cannot_be_kept_stays_in_the_journal_and_the_service_goes_on() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    await house.furnish(operators=1, leads=2, wrap_up_s=1.0)
    house.stores.ledger.refuse = lambda fact: StoreRefused("no") if isinstance(fact, Closing) else None  # type: ignore[attr-defined]
    await house.start()
    house.recorder.refusals.trouble = "the disk is full"  # type: ignore[attr-defined]
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 2)
    await until(lambda: not house.calls())
    await asyncio.sleep(30)
    assert house.journal.depth() > 0
    house.stores.ledger.refuse = lambda fact: None  # type: ignore[attr-defined]
    await house.settled()
    await house.check_records()
    await house.stop()


@in_virtual_time
async def test_what_streams_in_shares_a_transaction_and_a_lone_record_waits_no_longer_for_it() -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=0.1, talk_s=0.5)))
    trunk = Trunk(MAIN, "127.0.0.2", lines=100, calls_per_s=20, caller_ids=("+74950000000",))
    await house.furnish(operators=20, leads=101, wrap_up_s=0.0, mode=Mode.POWER, ratio=1.0, trunk=trunk)
    close, sizes, lone_s = house.stores.ledger.close, list[int](), list[float]()

    async def counted(closings: Sequence[Closing]) -> None:
        sizes.append(len(closings))
        if len(house.asterisk.dialled) == 101 and not house.calls():
            lone_s.append(max((now() - one.cdr.end_at).total_seconds() for one in closings if one.cdr))
        await close(closings)

    house.stores.ledger.close = counted  # type: ignore[method-assign]
    await house.start()
    await house.all_ready()
    await until(lambda: len(house.asterisk.dialled) == 101, 60)
    await house.settled()
    await until(lambda: not house.journal.depth())
    assert sum(sizes) == 101
    assert max(sizes) >= 8 and len(sizes) <= 20, f"some five seconds of 20 calls each: {sizes}"
    assert lone_s and lone_s[-1] <= 2 * recorder.GATHER_S + 0.1
    await house.stop()


@pytest.mark.parametrize("away_s", [0, 3600])
@in_virtual_time
async def test_at_the_end_of_the_service_it_is_told_whether_the_database_has_everything(
    away_s: float,
) -> None:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    await house.furnish(operators=1, leads=1, wrap_up_s=1.0)
    await house.start()
    await house.all_ready()
    await until(lambda: house.watcher.seen["bridged"] == 1)
    house.store_down = bool(away_s)
    await until(lambda: not house.calls())
    assert await house.recorder.settle(20) is not bool(away_s)
    assert bool(house.journal.depth()) is bool(away_s)
    house.store_down = False
    await house.settled()
    await house.stop()


@pytest.mark.parametrize("dial", [True, False])
@in_virtual_time
async def test_a_person_gives_up_what_is_refused_and_says_whether_its_lead_is_dialled_again(
    dial: bool,
) -> None:
    house = House(PretendAsterisk(lambda number: Fate("busy")))
    campaign = await house.furnish(operators=1, leads=1, retries={})
    house.stores.ledger.refuse = lambda fact: StoreRefused("no") if isinstance(fact, Closing) else None  # type: ignore[attr-defined]
    await house.start()
    await house.all_ready()
    await until(lambda: bool(house.recorder.refusals.all()), 60)
    house.cell.pacer.draining = True
    unmade: list[LeadId] = []
    done = await house.recorder.give_up_refused(CELL, unmade.extend, dial=dial)
    (lead,) = await house.leads(campaign)
    assert (done, house.recorder.refusals.all()) == (1, [])
    assert unmade == ([lead.id] if dial else [])
    assert lead.status is (LeadStatus.NEW if dial else LeadStatus.EXCLUDED)
    await house.stop()


@in_virtual_time
async def test_at_the_start_what_the_journal_held_is_written_and_the_sums_of_the_day_are_counted_anew() -> (
    None
):
    house = await at_work(Fate(after_s=2, talk_s=5), leads=2, wrap_up_s=1.0)
    await until(lambda: house.watcher.seen["bridged"] == 1)
    house.store_down = True
    await until(lambda: not house.calls())
    assert house.journal.depth()
    begins = now().replace(hour=0, minute=0, second=0, microsecond=0)
    await house.recorder.catch_up(now())
    assert house.journal.depth(), "the database is away: they wait, and the service starts all the same"
    house.store_down = False
    await house.live.reset_tallies(
        begins, now(), {(OperatorId("lost"), CampaignId(1), begins): Tally(attempts=9)}
    )
    await house.recorder.catch_up(now())
    assert not house.journal.depth()
    ((_, sums),) = (await house.live.tallies(begins, now() + timedelta(days=1))).items()
    assert (sums.attempts, sums.connected) == (len(await house.cdrs()), 1) == (1, 1)
    await house.settled()
    await house.stop()
