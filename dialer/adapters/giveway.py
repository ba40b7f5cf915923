"""Where the processor is short, calls come first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

OF_AUTOGROUP = Path("/proc/self/autogroup")


def give_way(by: int) -> None:
    """Lower this process's priority by `by` nice levels, against other sessions as well as its own.

    Where the kernel groups by session (`kernel.sched_autogroup_enabled`), every new session begins with the
    weight of any other, whatever the nice value of its processes: sched(7), "The autogroup feature".
    """
    with suppress(OSError):
        os.nice(by)
    with suppress(OSError):
        OF_AUTOGROUP.write_text(str(os.nice(0)))
