"""What a process told the journal survives its kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from dialer.adapters.journal import open_journal

WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from dialer.adapters.journal import open_journal
from dialer.domain.call import Call

async def main():
    with open_journal(Path(sys.argv[1])) as journal:
        call = Call("c-1", 1, 2, "+79161234567", "main")
        await journal.dialing(call)
        for n in range(1_000_000):
            journal.note(replace(call, talk_s=float(n)))
            if n % 100 == 0:
                print(n, flush=True)

asyncio.run(main())
"""


def test_notes_survive_the_process_to_the_last_one(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(5)][-1]
        writer.send_signal(signal.SIGKILL)
        told = max(
            [told, *(int(line) for line in writer.stdout if line.strip().isdigit() and line.endswith("\n"))]
        )
    with open_journal(tmp_path) as journal:
        (call,) = journal.recover().calls
        assert call.talk_s >= told
