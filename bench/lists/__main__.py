"""`python -m bench.lists`: a thousand drawn lists, and how many of each kind are read right."""

from __future__ import annotations

import argparse
import sys

from bench.lists.judge import judge_all
from bench.lists.variants import draw


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.lists", description=__doc__)
    parser.add_argument("--lists", type=int, default=1000, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first one's number")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="of those read wrong, to stderr")
    asked = parser.parse_args()
    table = judge_all(draw(seed) for seed in range(asked.seed, asked.seed + asked.lists))
    for line in table.lines():
        print(line)
    for one in table.wrong[: asked.show]:
        print(f"{one.variant.seed}: {one.why} {one.variant.traits}", file=sys.stderr)
    return 1 if table.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
