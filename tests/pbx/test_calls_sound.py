"""Who hears whom, over real SIP and RTP: in a talk, on hold, and after a restart of the service in mid-talk."""

from __future__ import annotations

from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, Voice, fixed
from dialer.lab.lab import Lab, Options
from tests.pbx.office import numbers, open_office

PLAN = Plan(
    seed=3, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(60), voice=Voice("number")),)
)


async def test_probe() -> None:
    import asyncio, time
    t=time.time()
    async with Lab.start(Options(plan=PLAN, phones=1)) as lab:
        print("lab", time.time()-t); t=time.time()
        async with open_office(lab, ["+79161230042"]) as office:
            print("office", time.time()-t); t=time.time()
            await office.ready()
            await office.start()
            await office.in_flight(1, "bridged")
            print("bridged", time.time()-t); t=time.time()
            p=lab.world.heard_by("79161230042")
            ph=lab.world.phone("101").heard()
            for i in range(20):
                await asyncio.sleep(0.25)
                print(time.time()-t, p.exists() and p.stat().st_size, ph.exists() and ph.stat().st_size)
            for e in (p, ph):
                s, r = tones.read(e)
                print([(round(at,1), tones.tones(w, r)) for at, w in tones.windows(s, r)])
            import shutil; shutil.copy(p,"/tmp/mine/p.sln"); shutil.copy(ph, "/tmp/mine/ph.sln")
            t=time.time()
        print("office stop", time.time()-t); t=time.time()
    print("lab stop", time.time()-t); t=time.time()
