"""The reader of list files, a process of its own: a file on stdin becomes frames of JSON on stdout.

It holds no secret, writes no file and may take little memory and time: whatever a file does to it, the
service lives on.  Started by `outside.py`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from dialer.adapters.files.sheet import is_sheet, open_book
from dialer.adapters.files.text import open_text
from dialer.adapters.giveway import give_way
from dialer.domain.errors import Mistake
from dialer.domain.said import plain, said
from dialer.domain.tables import MOST_CPU_S, MOST_MEMORY, Facts, Row

ROWS_PER_FRAME = 200
FRAME = 256 * 1024  # characters of cells after which a frame is sent
OPEN_FILES = 64
GIVEN_WAY = 10  # nice levels below whoever wants the file read


def limit() -> None:
    """What the process may take; set before the first byte is read."""
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, MOST_CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        _, hard = resource.getrlimit(what)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (wanted, wanted))


def main() -> None:
    """Facts, rows, and the end; or a mistake."""
    give_way(GIVEN_WAY)
    limit()
    out = sys.stdout.buffer
    try:
        options = json.loads(sys.argv[1])
        facts, rows = opened(sys.stdin.buffer.read(), options)
        notes = [plain(note) for note in facts.notes]
        _send(out, {"facts": [plain(facts.form), facts.delimiter, facts.about, notes]})
        for batch in _batches(rows):
            _send(out, {"rows": batch})
        _send(out, {"end": True})
    except Mistake as mistake:
        _send(out, {"mistake": plain(mistake.sentence)})
    except MemoryError:
        _send(out, {"limit": "memory"})
    except BrokenPipeError:
        os._exit(0)  # nobody wants the rest
    except Exception as flaw:  # the boundary: whatever is wrong with a file, it is told
        why = said("The file cannot be read ({flaw}): save the list as CSV (UTF-8) or XLSX.", flaw=repr(flaw))
        _send(out, {"mistake": plain(why)})


def opened(content: bytes, options: dict[str, str]) -> tuple[Facts, Iterator[Row]]:
    """The file as a table, by its contents, not by its name."""
    if is_sheet(content):
        return open_book(content, options.get("sheet", ""))
    return open_text(content, options.get("encoding", ""), options.get("country", ""))


def _batches(rows: Iterator[Row]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    size = 0
    for row in rows:
        batch.append([row.line, row.cells, plain(row.flaw) if row.flaw else "", row.is_hidden])
        size += sum(map(len, row.cells)) + 16 * len(row.cells)
        if len(batch) >= ROWS_PER_FRAME or size >= FRAME:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _send(out: BinaryIO, frame: dict[str, Any]) -> None:
    body = json.dumps(frame, ensure_ascii=True, separators=(",", ":")).encode()
    out.write(len(body).to_bytes(4, "big") + body)
    out.flush()


if __name__ == "__main__":
    main()
