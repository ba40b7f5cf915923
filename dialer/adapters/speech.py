"""The prompts of the phones: made by speech synthesisers, shipped, and laid where Asterisk reads them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dialer.adapters.folders import READ_BY_ALL, make_folder
from dialer.adapters.sounds import RATE, Samples, decode, encode, resample
from dialer.domain.errors import BadValue
from dialer.domain.prompts import FOLDER, WORDS
from dialer.domain.said import said
from dialer.domain.types import Language

SHIPPED = Path(__file__).parents[1] / FOLDER
LIST = (
    "shipped.json"  # what we laid there: a file that differs from it is somebody's own recording, and stays
)

# Both are put together from recordings of a person. Over a telephone that is understood better than what is
# computed from rules. They read a text, write a WAV, and come in Debian's packages festvox-ru and flite.
VOICES: Mapping[Language, tuple[str, ...]] = {
    Language.RU: ("text2wave", "-eval", "(voice_msu_ru_nsh_clunits)", "{text}", "-o", "{wav}"),
    Language.EN: ("flite", "-voice", "rms", "-f", "{text}", "-o", "{wav}"),
}
LOUD_DB = -20.0  # below full scale, over the words: as loud as Asterisk's own
PEAK = 0.7
EDGE_S = 0.05  # of silence before and after
SILENT = 0.01


def lay(sounds: Path) -> int:
    """Puts shipped prompts that are new or were ours into the folder of sounds; how many were written."""
    target = sounds / FOLDER
    before = _laid(target)
    now: dict[str, str] = {}
    written = 0
    for source in sorted(SHIPPED.glob("*/*.wav")):
        name = str(source.relative_to(SHIPPED))
        content, path = source.read_bytes(), target / name
        now[name] = _digest(content)
        is_there = _digest(path.read_bytes()) if path.is_file() else ""
        if is_there not in ("", before.get(name)) or is_there == now[name]:
            continue
        _write(path, content)
        written += 1
    if now != before:
        _write(target / LIST, json.dumps(now, indent=1).encode())
    return written


def _laid(target: Path) -> Mapping[str, str]:
    try:
        found = json.loads((target / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    for folder in (path.parent.parent, path.parent):
        make_folder(folder, READ_BY_ALL)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(fresh, 0o644)  # Asterisk runs as another user
    os.replace(fresh, path)


# --- making them ------------------------------------------------------------------------------------------


def make(folder: Path) -> None:
    """Every prompt in both languages, as 8 kHz mono 16-bit WAV."""
    for language, place in ((Language.RU, 0), (Language.EN, 1)):
        for name, words in WORDS.items():
            made = _spoken(language, words[place])
            _write(folder / language / f"{name}.wav", encode(prepared(*decode(made))))


def _spoken(language: Language, words: str) -> bytes:
    """A WAV of these words."""
    program, *rest = VOICES[language]
    if (found := shutil.which(program)) is None:
        raise BadValue(
            said("{program} is not installed: apt-get install festival festvox-ru flite", program=program)
        )
    with tempfile.TemporaryDirectory() as folder:
        text, wav = Path(folder, "words.txt"), Path(folder, "words.wav")
        text.write_text(words, encoding="utf-8")
        arguments = [each.format(text=text, wav=wav) for each in rest]
        subprocess.run([found, *arguments], check=True, capture_output=True)  # noqa: S603 our own words
        return wav.read_bytes()


def prepared(samples: Samples, rate: int) -> Samples:
    """Of 8 kHz, without silence around it, as loud as the others, and never clipped."""
    spoken = resample(samples, rate)
    loud = np.flatnonzero(np.abs(spoken) > SILENT)
    edge = np.zeros(round(EDGE_S * RATE))
    spoken = np.concatenate([edge, spoken[loud[0] : loud[-1] + 1], edge])
    level = float(np.sqrt(np.mean(np.square(spoken))))
    wanted = 10 ** (LOUD_DB / 20) / level
    return np.asarray(spoken * min(wanted, PEAK / float(np.max(np.abs(spoken)))))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED)
