"""The parts of docs/bench.md that the bench writes itself, each between two marks and with its commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import BARE, PRODUCT, Probe, Result, percentile

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "bench.md"
SHORT = ("<!-- short form: written by `python -m bench short --write` -->", "<!-- end of the short form -->")
WHOLE = ("<!-- whole run: written by `make bench` -->", "<!-- end of the whole run -->")
SIDES = {PRODUCT: "service", BARE: "loop"}
QUIET = 0.25  # of the cores: more than that were others' when the run began


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was measured, when and on what; `load` is the load average before the run, others' work alone."""

    commit: str
    day: str
    cores: int
    load: float
    asterisk: str

    def line(self) -> str:
        """The first sentences of a table."""
        state = "quiet" if self.load <= QUIET * self.cores else "busy with other work"
        return (
            f"Commit {self.commit}, {self.day}: Asterisk {self.asterisk}, Python {platform.python_version()},"
            f" {self.cores} cores for all (PBX, carrier, phones, the driving process), the machine {state}"
            f" (load average {self.load:.1f} before the run)."
        )


def conditions(asterisk: str) -> Conditions:
    """As they are now: ask before the run."""
    day = datetime.now(UTC).date().isoformat()
    return Conditions(commit(), day, len(os.sched_getaffinity(0)), os.getloadavg()[0], asterisk)


def put(marks: tuple[str, str], text: str, page: Path = PAGE) -> None:
    """Write the text between these marks of the page; the rest stays. LookupError without the marks."""
    begin, end = marks
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, behind = rest.partition(end)
    if not found or not closed:
        raise LookupError(f"{page.name} has no place for it: {begin}")
    page.write_text(f"{before}{begin}\n{text}{end}{behind}", encoding="utf-8")


def whole_run(result: Result, under: Conditions) -> str:
    """The table of a whole run: what each side held for its full time, and what it did not."""
    head = "| sound | service | bare loop | ratio | CPU per call, service / loop |\n|---|---|---|---|---|\n"
    kinds = sorted({probe.media for probe in result.probes})
    rows = "".join(f"| {' | '.join(_row(result, media=media))} |\n" for media in kinds)
    return f"{under.line()}\n\n{head}{rows}\n" + "".join(_beyond(result))


def _row(result: Result, *, media: bool) -> Iterator[str]:
    yield "yes" if media else "no"
    for side in SIDES:
        yield _held(result.confirmed.get((side, media)))
    ratio = result.ratio(media=media)
    yield f"**{ratio:.2f}**" if ratio is not None else "unknown"
    spent = [result.cpu_ms(side, media=media) for side in SIDES]
    yield " / ".join("-" if each is None else f"{each:.1f}" for each in spent) + " ms"


def _held(probe: Probe | None) -> str:
    if probe is None or probe.flaw:
        return "not confirmed"
    return f"**{probe.asked}/s**, {_waits(probe)}"


def _waits(probe: Probe) -> str:
    shares = (percentile(probe.waits_ms, share) for share in (0.5, 0.99))
    return " / ".join("-" if wait is None else f"{wait:.0f}" for wait in shares) + " ms"


def _beyond(result: Result) -> Iterator[str]:
    """A line for each rate that was not held."""
    for probe in result.probes:
        if probe.flaw:
            sound = "with sound" if probe.media else "without sound"
            yield (
                f"- Not held {sound}: the {SIDES[probe.side]} at {probe.asked}/s for {probe.seconds:.0f} s"
                f" ({_waits(probe)}; {probe.flaw})\n"
            )


def commit() -> str:
    """The present one, with a plus when files were changed since."""
    name = _git("rev-parse", "--short", "HEAD")
    return f"{name}+" if _git("status", "--porcelain", "--untracked-files=no") else name


def _git(*words: str) -> str:
    asked = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
