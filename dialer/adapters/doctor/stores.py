"""What lies beside the service: database, Redis, AMI, and the service itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from dialer.adapters.ami.registrations import Ami, Registration
from dialer.adapters.doctor.finding import Finding, broken, doubtful, well
from dialer.adapters.redis.client import as_ours, open_redis, place
from dialer.domain.depth import held_back
from dialer.domain.said import listed, said
from dialer.keeper.store import Holder

LOGIN_S = 3.0
ANSWER_S = 5.0
LAG_METRIC = "dialer_event_lag_seconds"
SLOW_LAG_S = 0.02
QUANTILE = 0.5
FRAIL = said("any released Asterisk may die when that connection ends while it writes an event")


async def look_at_database(revision: Callable[[], Awaitable[str]], head: str) -> list[Finding]:
    """Whether it answers, and whether its tables are those of this version."""
    found = await revision()
    if not found:
        return [doubtful("database", said("it has no tables yet"), "dialer migrate")]
    if found < head:
        return [
            broken(
                "database",
                said("its tables are at {found}, needed is {head}", found=found, head=head),
                "dialer migrate",
            )
        ]
    return [well("database", said("its tables are at {found}", found=found))]


async def look_at_journal(
    damages: Sequence[str], held: Callable[[], Awaitable[int]], cell: str
) -> list[Finding]:
    """Whether all that the journal held could be read, and what waits for a person because of that."""
    leads, mend = await held(), said("dialer journal show, then dialer journal accept")
    if leads:
        return [broken("journal", held_back(cell, leads), mend)]
    if damages:
        return [doubtful("journal", listed(damages, "; "), mend)]
    return [well("journal", said("everything in it could be read"))]


async def look_at_redis(url: str) -> list[Finding]:
    """Whether it answers; without an address it is not used."""
    if not url:
        return [well("redis", said("not used: live state is in memory"))]
    async with open_redis(url) as redis:
        with as_ours(place(url)):
            await redis.ping()
    return [well("redis", said("{url} answers", url=place(url)))]


# --- registrations ----------------------------------------------------------------------------------------


async def look_at_registrations(ami: Ami | None, trunks: Sequence[str]) -> list[Finding]:
    """Whether the trunks that register are known at their carriers."""
    if ami is None:
        if not trunks:
            return [well("ami", said("not used"))]
        mend = said("set DIALER_AMI_PORT and DIALER_AMI_PASSWORD_FILE")
        return [doubtful("ami", said("not used: registrations of trunks are not seen"), mend)]
    await ami.start()
    try:
        async with asyncio.timeout(LOGIN_S):
            await ami.wait_connected()
        seen = {str(trunk): one for trunk, one in (await ami.registrations()).items()}
    except TimeoutError:
        mend = said("DIALER_AMI_HOST, _PORT, _USER and _PASSWORD_FILE must be those of manager.conf")
        return [
            broken(
                "ami",
                said("no log-in within {login_s:g} s: wrong address, user or password", login_s=LOGIN_S),
                mend,
            )
        ]
    finally:
        await ami.stop()
    return [well("ami", said("logged in")), *(_registration(trunk, seen.get(trunk)) for trunk in trunks)]


def _registration(trunk: str, registration: Registration | None) -> Finding:
    name = f"registration {trunk}"
    if registration is None:
        return doubtful(
            name,
            said("Asterisk does not have it yet"),
            said("dialer run, then: dialer trunk push {trunk}", trunk=trunk),
        )
    if registration.is_registered:
        return well(name, said("registered at the carrier"))
    text = said(
        "{status}, next try in {next_try_s:.0f} s",
        status=registration.status,
        next_try_s=registration.next_try_s,
    )
    return broken(
        name,
        text,
        said(
            "check user and password: dialer trunk set {trunk} --user NAME --password-file PATH", trunk=trunk
        ),
    )


# --- the service ------------------------------------------------------------------------------------------


async def look_at_service(address: str) -> list[Finding]:
    """What the running service says of itself, and how quickly it hears Asterisk."""
    if not address:
        return [doubtful("service", said("it does not run"), "dialer run")]
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            async with http.get(f"{address}/readyz") as answer:
                ready = await answer.json()
            async with http.get(f"{address}/metrics") as answer:
                lag_s = median_of(await answer.text(), LAG_METRIC)
    except (aiohttp.ClientError, TimeoutError):
        return [
            broken(
                "service",
                said("{address} does not answer", address=address),
                said("look at its log, and restart it"),
            )
        ]
    return [_readiness(address, ready), *_keeper(ready), *_kept_apart(ready), *_link_lag(lag_s)]


def _readiness(address: str, ready: Any) -> Finding:
    bad = [
        listed([one["name"], one["detail"] or said("not well")], ": ")
        for one in ready["checks"]
        if not one["ok"]
    ]
    if bad:
        return broken("service", listed(bad, "; "), said("the other lines say why; then look at its log"))
    return well("service", said("runs at {address} and is ready", address=address))


def _keeper(ready: Any) -> list[Finding]:
    """Who would hold Asterisk's connection if the service died; of an engine only."""
    holder = next((one["detail"] for one in ready["checks"] if one["name"] == "keeper"), None)
    match holder:
        case None:
            return []
        case Holder.PARENT:
            text = said(
                "the parent process of the service holds Asterisk's connection, should the service die"
            )
        case Holder.SYSTEMD:
            text = said(
                "systemd holds Asterisk's connection, should the service die, if the unit has {setting}",
                setting="FileDescriptorStoreMax=",
            )
        case _:
            mend = said("start the service by `dialer run`, or with the unit in systemd/")
            return [
                doubtful("keeper", listed([said("nobody holds Asterisk's connection"), FRAIL], ": "), mend)
            ]
    return [well("keeper", listed([text, FRAIL], "; "))]


def _kept_apart(ready: Any) -> list[Finding]:
    """What works without something: a trunk, a record."""
    ways = {
        "set aside": said("mend what is named; it is tried again by itself"),
        "records": "docs/runbooks/records-refused.md",
    }
    return [
        doubtful(one["name"], one["detail"], ways[one["name"]])
        for one in ready["checks"]
        if one["ok"] and one["detail"] and one["name"] in ways
    ]


def _link_lag(lag_s: float | None) -> list[Finding]:
    if lag_s is None:
        return []
    text = said("half of the service's events came within {lag_s:g} ms", lag_s=lag_s * 1000)
    if lag_s > SLOW_LAG_S:
        return [doubtful("link lag", text, said("look for what keeps this machine busy: top; vmstat 1"))]
    return [well("link lag", text)]


def median_of(page: str, metric: str) -> float | None:
    """The bound of the bucket in which the median of a histogram lies; None while it is empty."""
    buckets = sorted(
        (float(sample.labels["le"]), sample.value)
        for family in text_string_to_metric_families(page)
        if family.name == metric
        for sample in family.samples
        if sample.name == f"{metric}_bucket"
    )
    total = buckets[-1][1] if buckets else 0
    return next((bound for bound, count in buckets if total and count >= total * QUANTILE), None)
