"""What is set aside is tried again after pauses that double, and is told once for each reason."""

from __future__ import annotations

from dialer.engine.aside import Aside


class Seconds:
    s = 0.0

    def __call__(self) -> float:
        return self.s


def test_each_failure_doubles_the_pause_up_to_a_minute() -> None:
    clock = Seconds()
    aside = Aside(clock)
    pauses = []
    for _ in range(7):
        aside.put("main", "no")
        began = clock.s
        while not aside.is_due("main"):
            clock.s += 0.5
        pauses.append(clock.s - began)
    assert pauses == [2, 4, 8, 16, 32, 60, 60]


def test_the_same_reason_is_told_once_another_again() -> None:
    aside = Aside(Seconds())
    assert [aside.put("main", why) for why in ("no", "no", "never", "no")] == [True, False, True, True]
    assert aside.reasons() == {"main": "no"}


def test_what_is_well_again_begins_anew_and_what_is_no_more_is_forgotten() -> None:
    aside = Aside(Seconds())
    assert aside.is_due("main")
    assert not aside.take("main")
    aside.put("main", "no")
    aside.put("spare", "no")
    assert (aside.is_due("main"), aside.is_due("other")) == (False, True)
    assert aside.take("main")
    assert aside.is_due("main")
    aside.put("main", "no")
    aside.keep(["main", "other"])
    assert aside.reasons() == {"main": "no"}
