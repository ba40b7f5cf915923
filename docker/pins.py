#!/usr/bin/env python3
"""The images that the stack is built on, each pinned by tag and digest where it is used.

docker/pins.py                     whether each tag still leads to the digest that is written
docker/pins.py renew               writes the digests of today, for the tags as they are
docker/pins.py renew IMAGE:TAG...  takes this tag of that image, and its digest

A registry is asked by skopeo, or else by `docker buildx imagetools`. docs/howto/renew-pins.md
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PLACE = re.compile(
    r"^(?P<before> *(?:FROM|image:) +)(?P<tag>[^\s@$]+:[^\s@$]+)@(?P<digest>\S+)", re.MULTILINE
)
ASK_S = 120


class Unknown(Exception):
    """A registry does not tell."""


def files() -> list[Path]:
    """Those that name images of a registry; the stand-ins of docker/smoke are built on what is made here."""
    return [HERE / "compose.yml", *sorted(HERE.glob("*/Dockerfile"))]


def pins(text: str) -> dict[str, str]:
    """Image and tag -> digest, of all that are named in a file."""
    return {found["tag"]: found["digest"] for found in PLACE.finditer(text)}


def renewed(text: str, now: dict[str, tuple[str, str]]) -> str:
    """The text with what `now` has for a name with its old tag: new tag, digest."""

    def written(found: re.Match[str]) -> str:
        tag, digest = now.get(found["tag"], (found["tag"], found["digest"]))
        return f"{found['before']}{tag}@{digest}"

    return PLACE.sub(written, text)


def ask(tag: str) -> str:
    """The digest to which a tag leads now: that of the list of all architectures."""
    if shutil.which("skopeo"):
        words = ["skopeo", "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{tag}"]
        if "--no-tags" not in _output(["skopeo", "inspect", "--help"]):
            words.remove("--no-tags")
    else:
        words = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", tag]
    answer = _output(words).strip()
    if not DIGEST.fullmatch(answer):
        raise Unknown(f"{' '.join(words)}: no digest in {answer!r}")
    return answer


def _output(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Unknown(f"{failure}; install skopeo") from failure
    if done.returncode:
        raise Unknown(f"{' '.join(words)}: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return done.stdout


def main(words: Sequence[str], asked: Callable[[str], str] = ask) -> int:
    """The exit code: 1 when a pin is out of date or a registry does not tell."""
    written = {tag: digest for path in files() for tag, digest in pins(path.read_text()).items()}
    if words and words[0] != "renew":
        print(__doc__, file=sys.stderr)
        return 2
    wished = {tag.rpartition(":")[0]: tag for tag in words[1:]}
    if strangers := wished.keys() - {tag.rpartition(":")[0] for tag in written}:
        print(f"not used here: {', '.join(sorted(strangers))}", file=sys.stderr)
        return 2
    now: dict[str, tuple[str, str]] = {}
    code = 0
    for tag, digest in written.items():
        name = tag.rpartition(":")[0]
        if wished and name not in wished:
            continue
        wanted = wished.get(name, tag)
        try:
            now[tag] = wanted, asked(wanted)
        except Unknown as trouble:
            print(f"{wanted}: {trouble}", file=sys.stderr)
            code = 1
            continue
        same = now[tag] == (tag, digest)
        print(f"{wanted}: {'as written' if same else now[tag][1]}")
        if not same and not words:
            code = 1
    if words and not code:
        for path in files():
            path.write_text(renewed(path.read_text(), now))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
