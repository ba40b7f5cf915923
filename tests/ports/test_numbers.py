"""Nobody on the do-not-call list is called, and a number's last attempt is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialer.domain.cdr import Closing
from dialer.domain.errors import BadValue
from dialer.domain.types import CampaignId, Outcome, PhoneNumber
from dialer.ports.stores import NumberHistory, Stores
from tests.ports.made import AT, record

NUMBER, OTHER = PhoneNumber("+79161234567"), PhoneNumber("+79031234567")
SPRING, AUTUMN = CampaignId(1), CampaignId(2)


async def why(stores: Stores, number: PhoneNumber, campaign: CampaignId = SPRING) -> str:
    return (await stores.numbers.history([number], campaign))[number].dnc


async def test_a_blocked_number_is_blocked_everywhere(stores: Stores) -> None:
    await stores.numbers.block("+7 (916) 123-45-67", campaign=None, reason="asked", now=AT)
    expected = "the number is on the do-not-call list for every campaign: asked"
    assert await why(stores, NUMBER) == await why(stores, NUMBER, AUTUMN) == expected
    assert await why(stores, OTHER) == ""


async def test_a_block_of_one_campaign_holds_there_only(stores: Stores) -> None:
    await stores.numbers.block(NUMBER, campaign=AUTUMN, reason="", now=AT)
    assert await why(stores, NUMBER) == ""
    assert await why(stores, NUMBER, AUTUMN) == "the number is on the do-not-call list for this campaign"


async def test_a_prefix_blocks_all_that_begins_with_it(stores: Stores) -> None:
    await stores.numbers.block("+7903*", campaign=None, reason="premium", now=AT)
    assert "prefix +7903* is on the do-not-call list" in await why(stores, OTHER)
    assert await why(stores, NUMBER) == ""
    await stores.numbers.block("+7*", campaign=None, reason="all", now=AT)
    assert "prefix +7*" in await why(stores, NUMBER)


async def test_a_whole_list_is_barred_at_once_and_what_was_barred_keeps_its_reason(stores: Stores) -> None:
    await stores.numbers.block(NUMBER, campaign=None, reason="asked", now=AT)
    later = AT + timedelta(days=1)
    many = [PhoneNumber(f"+7916{n:07}") for n in range(1200)] + [NUMBER, PhoneNumber("+79160000001")]
    numbers = stores.numbers
    assert await numbers.block_all(iter(many), campaign=None, reason="list", now=later) == 1200
    assert await numbers.block_all(many, campaign=None, reason="list again", now=later) == 0
    assert await numbers.block_all(many[:2], campaign=SPRING, reason="here", now=later) == 2
    assert (await why(stores, NUMBER)).endswith(": asked")
    assert (await why(stores, many[0])).endswith("for every campaign: list")
    with pytest.raises(BadValue, match="12"):
        await numbers.block_all(["+79990000001", "12"], campaign=None, reason="", now=AT)
    assert await why(stores, PhoneNumber("+79990000001")) == "", "all or nothing"


async def test_every_entry_that_bars_a_number_is_told(stores: Stores) -> None:
    await stores.numbers.block(NUMBER, campaign=AUTUMN, reason="here", now=AT)
    await stores.numbers.block("+7916*", campaign=None, reason="range", now=AT)
    await stores.numbers.block("+7*", campaign=SPRING, reason="", now=AT)
    await stores.numbers.block(OTHER, campaign=None, reason="other", now=AT)
    told = [(row["entry"], row["campaign"], row["reason"]) for row in await stores.numbers.barring(NUMBER)]
    assert told == [(NUMBER, AUTUMN, "here"), ("+7916*", None, "range"), ("+7*", SPRING, "")]
    assert [row["at"] for row in await stores.numbers.barring(OTHER)] == [AT, AT]
    assert await stores.numbers.barring(PhoneNumber("+12125550123")) == []


async def test_a_block_is_taken_back_where_it_was_made(stores: Stores) -> None:
    await stores.numbers.block(NUMBER, campaign=None, reason="x", now=AT)
    assert not await stores.numbers.unblock(NUMBER, campaign=SPRING)
    assert await stores.numbers.unblock(NUMBER, campaign=None)
    assert not await stores.numbers.unblock(NUMBER, campaign=None)
    assert await why(stores, NUMBER) == ""


async def test_the_list_is_told_with_reasons_and_a_second_block_renews_the_first(stores: Stores) -> None:
    later = AT + timedelta(days=1)
    await stores.numbers.block("+7903*", campaign=AUTUMN, reason="premium", now=AT)
    await stores.numbers.block(NUMBER, campaign=None, reason="asked", now=AT)
    await stores.numbers.block(NUMBER, campaign=None, reason="asked again", now=later)
    assert await stores.numbers.blocked() == [
        {"entry": "+7903*", "campaign": AUTUMN, "reason": "premium", "at": AT},
        {"entry": NUMBER, "campaign": None, "reason": "asked again", "at": later},
    ]


async def test_a_refusal_of_us_does_not_hide_what_the_number_said_before(stores: Stores) -> None:
    rang = record("c-1", number=NUMBER, outcome=Outcome.NO_ANSWER, end_at=AT)
    later = AT + timedelta(minutes=1)
    refused = record("c-2", number=NUMBER, outcome=Outcome.TRUNK_REFUSED, end_at=later)
    await stores.ledger.close([Closing(rang, None, rang.id), Closing(refused, None, refused.id)])
    last = (await stores.numbers.history([NUMBER], SPRING))[NUMBER]
    assert (last.last_outcome, last.last_end_at) == (Outcome.NO_ANSWER, AT)


async def test_the_list_comes_in_pages_of_all_or_of_one_campaign(stores: Stores) -> None:
    for n in range(5):
        await stores.numbers.block(f"+7916000000{n}", campaign=None, reason="", now=AT)
        await stores.numbers.block(f"+7916000000{n}", campaign=AUTUMN, reason="", now=AT)
    whole = [(row["entry"], row["campaign"] or 0) for row in await stores.numbers.blocked()]
    assert len(whole) == 10
    paged: list[tuple[str, int]] = []
    after = ("", 0)
    while page := await stores.numbers.blocked(after=after, limit=3):
        paged += [(row["entry"], row["campaign"] or 0) for row in page]
        after = paged[-1]
    assert paged == whole
    its = await stores.numbers.blocked(AUTUMN, after=("+79160000001", AUTUMN), limit=2)
    assert [row["entry"] for row in its] == ["+79160000002", "+79160000003"]
    assert {row["campaign"] for row in its} == {AUTUMN}


@pytest.mark.parametrize(
    "entry", ["", "*", "+*", "79161234567", "+7916x", "+0*", "+7**", "+7' OR 1=1 --", "9" * 99]
)
async def test_what_is_no_number_is_refused_with_an_example(stores: Stores, entry: str) -> None:
    with pytest.raises(BadValue, match=r"write a number such as \+79161234567, or a prefix such as \+7916\*"):
        await stores.numbers.block(entry, campaign=None, reason="", now=AT)
    with pytest.raises(BadValue):
        await stores.numbers.unblock(entry, campaign=None)
    assert await stores.numbers.blocked() == []


async def test_the_last_attempt_counts_whichever_campaign_made_it(stores: Stores) -> None:
    later = AT + timedelta(hours=2)
    cdrs = [
        record("c-1", number=NUMBER, end_at=later, outcome=Outcome.ABANDONED, campaign=AUTUMN),
        record("c-2", number=NUMBER, end_at=AT, outcome=Outcome.BUSY),
    ]
    await stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in cdrs])
    found = await stores.numbers.history([NUMBER, OTHER, NUMBER], SPRING)
    assert found == {NUMBER: NumberHistory(later, "abandoned", ""), OTHER: NumberHistory()}


async def test_many_numbers_are_asked_at_once(stores: Stores) -> None:
    numbers = [PhoneNumber(f"+7916{n:07}") for n in range(1_200)]
    await stores.numbers.block(numbers[1_100], campaign=None, reason="", now=AT)
    found = await stores.numbers.history(numbers, SPRING)
    assert [number for number in numbers if found[number].dnc] == [numbers[1_100]]
    assert await stores.numbers.history([], SPRING) == {}


async def test_a_number_that_is_asked_alone_has_the_same_history_as_among_others(stores: Stores) -> None:
    await stores.numbers.block("+7916*", campaign=SPRING, reason="ours", now=AT)
    await stores.numbers.block(OTHER, campaign=None, reason="asked", now=AT)
    longest = PhoneNumber("+" + "7" * 15)
    await stores.numbers.block("+77*", campaign=None, reason="far", now=AT)
    ends = ((1, Outcome.BUSY), (3, Outcome.NO_ANSWER), (3, Outcome.CONNECTED), (4, Outcome.TRUNK_REFUSED))
    cdrs = [
        record(f"c-{n}", number=NUMBER, end_at=AT + timedelta(minutes=minutes), outcome=outcome)
        for n, (minutes, outcome) in enumerate(ends)
    ]
    await stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in cdrs])
    numbers = [NUMBER, OTHER, longest, PhoneNumber("+" + "7" * 20), PhoneNumber("+4930123456")]
    among = await stores.numbers.history(numbers, SPRING)
    assert (among[NUMBER].last_outcome, among[OTHER].last_end_at) == (Outcome.CONNECTED, None)
    assert all(among[number].dnc for number in numbers[:4])
    for number in numbers:
        assert await stores.numbers.history([number], SPRING) == {number: among[number]}
