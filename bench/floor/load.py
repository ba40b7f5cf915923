"""What the run costs the machine, and what others do on it meanwhile."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

from bench.stage import cpu_s

LOOK_S = 5.0


class Load:
    """Cores in use by each process of ours, and by all of the machine."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {**pids, "bench": os.getpid()}
        self._first = self._spent()
        self._began = time.monotonic()
        self._averages: list[float] = [os.getloadavg()[0]]

    async def watch(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._averages.append(os.getloadavg()[0])

    def figures(self) -> dict[str, float]:
        """Mean cores from the start until now; `others`: what is not ours."""
        passed_s = time.monotonic() - self._began
        cores = {name: (spent - self._first[name]) / passed_s for name, spent in self._spent().items()}
        whole = cores.pop("machine")
        return {
            **{name: round(used, 3) for name, used in cores.items()},
            "others": round(whole - sum(cores.values()), 3),
            "load_average": round(fmean(self._averages), 2),
            "load_average_at_start": round(self._averages[0], 2),
            "load_average_most": round(max(self._averages), 2),
        }

    def _spent(self) -> dict[str, float]:
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        busy = sum(ticks) - ticks[3] - ticks[4]
        ours = {name: cpu_s(pid) for name, pid in self._pids.items()}
        return {**ours, "machine": busy / os.sysconf("SC_CLK_TCK")}
