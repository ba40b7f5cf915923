"""`make dashboards`: writes every board anew, in every language."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from dashboards import abandoned, floor, health, operators, pacing, trunks
from dashboards.draw import drawn
from dialer.domain.types import Language

FOLDER = Path(__file__).parents[1] / "docker/grafana/dashboards"
BOARDS = {module.BOARD.name: module.BOARD for module in (floor, pacing, operators, trunks, health, abandoned)}


def files() -> Iterator[tuple[Path, str]]:
    """Path and content of every board."""
    for language in Language:
        for name, board in BOARDS.items():
            yield FOLDER / language / f"{name}.json", drawn(board, BOARDS, language)


def main() -> None:
    """Writes them, and says where."""
    for path, text in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(FOLDER.parents[2])}\n")


if __name__ == "__main__":
    main()
