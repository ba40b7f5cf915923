"""Builds the stack, starts it by docker/up, dials the demo's list, breaks things, looks for every call.

`make stack-test`; root, a Docker engine and free ports are needed, docs/howto/run-in-containers.md says more.
One line per step with its time; exit code 0 when every promise was kept.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from stack import ALERTMANAGER, API, PROMETHEUS, Failed, Stack, fetch, run, until

HERE = Path(__file__).parent
CAMPAIGN = 1
FIRST_CALL_S = 120.0  # the promise of the README
ALERT_S = 330.0  # two minutes down, and the intervals of Prometheus and Alertmanager
BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


@contextmanager
def step(name: str) -> Iterator[list[str]]:
    """One line when it is done; what the body puts into the list stands behind the name."""
    began, found = time.monotonic(), list[str]()
    yield found
    say(f"{name} ({time.monotonic() - began:.1f} s){': ' if found else ''}{'; '.join(found)}")


# --- what is looked at ------------------------------------------------------------------------------------


def bridged(stack: Stack) -> list[str]:
    """Ids of the calls in which a person and an operator talk."""
    return [call["id"] for call in stack.calls() if call["state"] == "bridged"]


def talks(stack: Stack, least: int) -> list[str]:
    """Waits until so many talk at once."""
    return until(lambda: len(found := bridged(stack)) >= least and found, f"{least} talks at once", 90)


def records(stack: Stack) -> int:
    return int(stack.sql("SELECT count(*) FROM cdrs")[0][0])


def by_carrier(stack: Stack) -> int:
    """Calls that reached the carrier, by its own count."""
    told = stack.asterisk("carrier", "database show calls")
    return sum(int(count) for count in re.findall(r"^/calls/\S+\s*: (\d+)", told, re.MULTILINE))


def query(expression: str) -> list[dict]:
    answer = fetch(f"{PROMETHEUS}/api/v1/query?query={quote(expression)}")
    return answer["data"]["result"]


def targets() -> list[str]:
    """Those of the service that answer. (`up` remembers for minutes what was up before a restart.)"""
    found = fetch(f"{PROMETHEUS}/api/v1/targets?state=active")["data"]["activeTargets"]
    ours = [one for one in found if one["labels"]["job"] == "obzvon"]
    return [one["labels"]["instance"] for one in ours if one["health"] == "up"]


def alerts() -> list[str]:
    return [one["labels"]["alertname"] for one in fetch(f"{ALERTMANAGER}/api/v2/alerts")]


# --- steps ------------------------------------------------------------------------------------------------


def build(stack: Stack) -> None:
    with step("images are built") as found:
        stack.compose("build", "config", "asterisk", timeout_s=1800)
        for image in ("obzvon/service:0.1.0", "obzvon/asterisk:0.1.0"):
            size = int(run("docker", "image", "inspect", "--format", "{{.Size}}", image))
            found.append(f"{image} {size / 1e6:.0f} MB")
    for service, image in stack.images().items():
        there = ["docker", "image", "inspect", image]
        if subprocess.run(there, capture_output=True, check=False).returncode == 0:
            continue
        try:
            with step(f"{image} is pulled"):
                run("docker", "pull", "--quiet", image, timeout_s=600)
        except Failed as failure:
            say(f"LEFT OUT: {service}, there is no image {image} ({str(failure).splitlines()[-1].strip()})")
            stack.leave_out(service)


def first_call(stack: Stack) -> None:
    began = time.monotonic()
    with step("docker/up demo"):
        stack.up("demo")
    until(stack.calls, "the first call", FIRST_CALL_S)
    took_s = time.monotonic() - began
    say(f"the first call is dialled {took_s:.1f} s after docker/up began")
    if took_s > FIRST_CALL_S:
        raise Failed(f"the first call took {took_s:.0f} s")
    with step("health checks") as found:
        services = ("service", "asterisk", "postgres", "redis")
        for service in services:
            until(lambda service=service: stack.is_healthy(service), f"{service} is healthy", 60)
        found.append(f"{', '.join(services)} are healthy")


def dial(stack: Stack, seconds: float) -> None:
    with step("dialling") as found:
        time.sleep(seconds)
        rows = stack.sql("SELECT outcome, count(*), round(sum(talk_s)) FROM cdrs GROUP BY 1 ORDER BY 2 DESC")
        if not any(row[0] == "connected" for row in rows):
            raise Failed(f"nobody was connected in {seconds:g} s: {rows}")
        found.append(f"{records(stack)} records in PostgreSQL")
        found += [f"{outcome} {count}" for outcome, count, _ in rows]
    with step("air time in Redis") as found:
        quarters = stack.redis("KEYS", "obz:sums:*")
        fields = [told for key in quarters for told in pairs(stack.redis("HGETALL", key))]
        air_s = sum(int(value) for name, value in fields if name.endswith("|talk_s")) / 1e6
        if not air_s:
            raise Failed(f"no air time in {quarters}: {fields}")
        found.append(f"{air_s:.0f} s; {len(stack.redis('HKEYS', 'obz:operators:main'))} operators")


def pairs(told: list[str]) -> list[tuple[str, str]]:
    """The fields of a hash as redis-cli prints them."""
    return list(zip(told[::2], told[1::2], strict=True))


def watched(*parts: str) -> None:
    with step("Prometheus") as found:
        until(lambda: sorted(targets()) == sorted(parts), f"{', '.join(parts)} are up", 60)
        found.append(f"up: {', '.join(parts)}")
        count = until(lambda: query("sum(dialer_originated_total)"), "dialer_originated_total", 60)
        found.append(f"dialer_originated_total {count[0]['value'][1]}")
        groups = fetch(f"{PROMETHEUS}/api/v1/rules")["data"]["groups"]
        bad = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"]
        if bad or not groups:
            raise Failed(f"rules of Prometheus are in error: {bad}")
        found.append(f"{sum(len(group['rules']) for group in groups)} rules without an error")
    with step("Alertmanager") as found:
        fetch(f"{ALERTMANAGER}/-/ready")
        known = fetch(f"{PROMETHEUS}/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
        if not known:
            raise Failed("Prometheus knows of no Alertmanager")
        found.append(f"ready, and known to Prometheus as {known[0]['url']}")


def kept_connection(stack: Stack) -> None:
    """kill -9 of the engine below its keeper, which is pid 1 of the container: Asterisk notices nothing."""
    talking = talks(stack, 3)
    before = stack.asterisk_as_it_is()
    with step(f"kill -9 of the engine below its keeper with {len(talking)} talks") as found:
        dead = stack.kill_below("service")
        began = time.monotonic()
        until(lambda: dead not in (now := stack.below("service")) and len(now) == 2, "a next life", 60)
        until(lambda: fetch(f"{API}/readyz")["ready"], "ready again", 60)
        found.append(f"ready again after {time.monotonic() - began:.1f} s")
        after = stack.asterisk_as_it_is()
        if after != before:
            raise Failed(f"Asterisk, its connection or the container is another one: {before}, then {after}")
        found.append(f"Asterisk's pid {after[0]} and its connection {', '.join(after[1])} are the same")
    with step("the talks that it left") as found:
        until(lambda: not set(talking) & {call["id"] for call in stack.calls()}, "the end of these talks", 90)
        until(lambda: kept(stack, talking), "one record of each", 15)
        found.append(f"the talks ended: {kept(stack, talking)}")


def crash(stack: Stack) -> None:
    """kill -9 in mid-call: the engine starts it again, talks go on meanwhile, and each has one record."""
    talking = talks(stack, 3)
    before = int(stack.inspect("service", "{{.RestartCount}}"))
    killed, began = time.time(), time.monotonic()
    stack.kill("service")
    with step(f"kill -9 of the service with {len(talking)} talks") as found:
        until(
            lambda: int(stack.inspect("service", "{{.RestartCount}}")) > before, "a restart by the engine", 30
        )
        held = stack.asterisk("asterisk", "core show channels count")
        found.append(f"meanwhile in Asterisk: {held.splitlines()[0].strip()}")
        until(lambda: fetch(f"{API}/readyz")["ready"], "ready again", 60)
        back = time.time()
        found.append(f"ready again after {time.monotonic() - began:.1f} s")
    with step("the talks that it left") as found:
        ids = ", ".join(f"'{one}'" for one in talking)
        until(lambda: not set(talking) & {call["id"] for call in stack.calls()}, "the end of these talks", 90)
        ask = f"SELECT id, outcome, talk_s, extract(epoch FROM end_at) FROM cdrs WHERE id IN ({ids})"
        rows = until(lambda: len(rows := stack.sql(ask)) == len(talking) and rows, "one record of each", 15)
        lasted = [row for row in rows if float(row[3]) > killed]
        longer = [row for row in rows if float(row[3]) > back]
        if {row[1] for row in lasted} - {"connected"}:
            raise Failed(f"a talk was not kept: {rows}")
        found.append(f"{len(rows)} records of {len(talking)}; {len(longer)} went on past the restart")
    dials_on(stack)


def dials_on(stack: Stack) -> None:
    with step("it dials on"):
        before = by_carrier(stack)
        until(lambda: by_carrier(stack) > before, "a new call", 60)


def without_stores(stack: Stack) -> None:
    """The books at the end say whether anything was lost meanwhile."""
    talking = talks(stack, 3)
    with step(f"restart of PostgreSQL and Redis with {len(talking)} talks") as found:
        stack.compose("restart", "postgres", "redis", timeout_s=200)
        until(lambda: not set(talking) & {call["id"] for call in stack.calls()}, "the end of these talks", 90)
        until(lambda: kept(stack, talking), "one record of each", 30)
        found.append(f"the talks ended: {kept(stack, talking)}")
    dials_on(stack)


def kept(stack: Stack, talking: list[str]) -> str:
    """Who ended these talks, in words; Failed when it was neither of the two who talked."""
    ids = ", ".join(f"'{one}'" for one in talking)
    rows = stack.sql(f"SELECT outcome, ended_by, count(*) FROM cdrs WHERE id IN ({ids}) GROUP BY 1, 2")
    ended = {(outcome, by): int(count) for outcome, by, count in rows}
    if ended.keys() - {("connected", "person"), ("connected", "operator")} or sum(ended.values()) != len(
        talking
    ):
        raise Failed(f"{len(talking)} talks did not end by themselves, each with one record: {rows}")
    return ", ".join(f"{count} by the {by}" for (_, by), count in ended.items())


def stop_in_order(stack: Stack) -> None:
    """Talks end by themselves; and as it stays away, the alert arrives."""
    talking = talks(stack, 3)
    with step(f"stop in mid-call, {len(talking)} talks") as found:
        stack.compose("stop", "service", timeout_s=200)
        if (code := stack.inspect("service", "{{.State.ExitCode}}")) != "0":
            raise Failed(f"the service ended with code {code}")
        found.append(f"exit code 0; the talks ended: {kept(stack, talking)}")
        left = stack.sql("SELECT count(*) FROM cdrs WHERE outcome = 'interrupted'")
        found.append(f"interrupted in all: {left[0][0]}")
    with step("the alert that a part is down") as found:
        until(lambda: "ObzvonPartDown" in alerts(), "ObzvonPartDown at Alertmanager", ALERT_S, 2)
        found.append("ObzvonPartDown is at Alertmanager")
    with step("start again") as found:
        stack.up("demo")
        until(lambda: fetch(f"{API}/readyz")["ready"], "ready", 90)
        before = by_carrier(stack)
        until(lambda: by_carrier(stack) > before, "a new call", 90)
        until(lambda: "ObzvonPartDown" not in alerts(), "the end of the alert", ALERT_S, 2)
        found.append("dials, and the alert is over")


def settle(stack: Stack) -> None:
    """No more dialing; then the carrier's count and the records must agree, number by number."""
    with step("books") as found:
        stack.api(f"/v1/campaigns/{CAMPAIGN}/pause", {})
        until(lambda: not stack.calls(), "the end of the last call", 120)
        until(lambda: by_carrier(stack) == attempts(stack), "agreement of the carrier and the records", 15)
        told = stack.asterisk("carrier", "database show calls")
        counted = dict(re.findall(r"^/calls/(\d+)\s*: (\d+)", told, re.MULTILINE))
        ask = "SELECT number, count(*) FROM cdrs WHERE outcome <> 'not_dialled' GROUP BY 1"
        recorded = {number.lstrip("+"): count for number, count in stack.sql(ask)}
        if counted != recorded:
            differ = {one for one in counted | recorded if counted.get(one) != recorded.get(one)}
            raise Failed(
                f"carrier and records differ for {len(differ)} numbers, such as {sorted(differ)[:3]}"
            )
        found.append(f"{by_carrier(stack)} calls at the carrier, as many records, the same numbers")
        found.append(stack.inside(shape(stack), "dialer", "check").strip())


def attempts(stack: Stack) -> int:
    return int(stack.sql("SELECT count(*) FROM cdrs WHERE outcome <> 'not_dialled'")[0][0])


def shape(stack: Stack) -> str:
    return "web" if "OBZVON_SHAPE=split" in (stack.docker / ".env").read_text() else "service"


def split(stack: Stack) -> None:
    """Another shape in mid-call: engine and web let talks end, three containers take over."""
    until(lambda: stack.api(f"/v1/campaigns/{CAMPAIGN}/start", {}), "start of the campaign", 30)
    talking = talks(stack, 3)
    with step(f"docker/up split in mid-call, {len(talking)} talks") as found:
        stack.up("split")
        found.append(f"the talks ended: {kept(stack, talking)}")
    with step("three parts") as found:
        for service in ("engine", "web", "agi"):
            until(lambda service=service: stack.is_healthy(service), f"{service} is healthy", 90)
        before = by_carrier(stack)
        until(lambda: by_carrier(stack) >= before + 5, "calls", 90)
        talking = talks(stack, 2)
        found.append(f"engine, web, agi are healthy; {len(talking)} talk")
    with step("kill -9 of web and agi in mid-call") as found:
        stack.kill("web")
        stack.kill("agi")
        until(lambda: not set(talking) & {call["id"] for call in stack.calls()}, "the end of these talks", 90)
        for service in ("web", "agi"):
            until(lambda service=service: stack.is_healthy(service), f"{service} is healthy", 90)
        found.append(f"both are back; the talks ended: {kept(stack, talking)}")
    watched("main/engine", "main/web", "main/agi")


def main() -> int:
    """The exit code."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument(
        "--stand-ins", action="store_true", help="make images that cannot be pulled from Debian's packages"
    )
    words.add_argument(
        "--for", dest="seconds", type=float, default=60.0, help="seconds of dialling before the first fault"
    )
    wish = words.parse_args()
    try:
        if wish.stand_ins:
            with step("base images and stand-ins from Debian's packages"):
                run(HERE / "standins.sh", timeout_s=1800)
        with (
            tempfile.TemporaryDirectory(prefix="obz-stack-") as folder,
            Stack.copied(Path(folder), pinned=not wish.stand_ins) as stack,
        ):
            try:
                build(stack)
                first_call(stack)
                dial(stack, wish.seconds)
                watched("main/all")
                kept_connection(stack)
                crash(stack)
                without_stores(stack)
                stop_in_order(stack)
                settle(stack)
                split(stack)
                settle(stack)
            except BaseException:
                for service in ("service", "engine", "web", "demo", "stage", "config", "tables", "asterisk"):
                    with suppress(Failed):
                        say(f"last words of {service}:\n{stack.log(service, 12)}")
                raise
    except Failed as failure:
        say(f"FAILED: {failure}")
        return 1
    say("every promise was kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
