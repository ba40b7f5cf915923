"""The planner's floor and the bench's world were written apart: both must tell the same of a policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.pacing.port import Product
from bench.pacing.world import Kind, World
from dialer.domain.pacing.policies import Policies
from dialer.domain.types import Mode
from dialer.sim.floor import Floor
from dialer.sim.scenario import Talks, named

NAME, SEED, HOURS = "10_25_150", 3, 4.0
ALIKE = 0.01  # sigma of the talks: a few long ones would say more than the policy
POINTS, DIALS = 0.03, 0.06  # of occupancy; share of the dials: some three standard deviations


@pytest.mark.parametrize("mode", [Mode.POWER, Mode.PREDICTIVE])
def test_both_worlds_come_to_the_same_occupancy_and_dials(mode: Mode) -> None:
    kind = Kind.named(NAME, hours=HOURS, talk_sigma=ALIKE, refusals=0.0)
    of_bench = World(kind, SEED, Product(kind, mode, ratio=2.0)).run()
    world = named(NAME)
    world = replace(
        world,
        dialing=replace(world.dialing, mode=mode, ratio=2.0),
        talks=Talks(kind.talk_s, 0.0, sigma=ALIKE),
    )
    of_plan = Floor(world, SEED, Policies(), apart_s=0.5, idle_s=1.0).run(HOURS)
    assert of_plan.occupancy == pytest.approx(of_bench.occupancy, abs=POINTS)
    per_hour = of_bench.dials / of_bench.logged_s
    assert of_plan.dials / of_plan.present_s == pytest.approx(per_hour, rel=DIALS)
    assert of_plan.abandoned_share == pytest.approx(of_bench.abandon, abs=0.012)
