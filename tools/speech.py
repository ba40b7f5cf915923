"""Makes what the phones say in dialer/prompts anew from dialer/domain/prompts.py, by speech synthesisers."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dialer.adapters.sounds import RATE, Samples, decode, encode, resample
from dialer.adapters.speech import SHIPPED, write
from dialer.domain.errors import BadValue
from dialer.domain.prompts import WORDS
from dialer.domain.said import said
from dialer.domain.types import Language

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


def make(folder: Path) -> None:
    """Every prompt in both languages, as 8 kHz mono 16-bit WAV."""
    for language, place in ((Language.RU, 0), (Language.EN, 1)):
        for name, words in WORDS.items():
            made = _spoken(language, words[place])
            write(folder / language / f"{name}.wav", encode(prepared(*decode(made))))


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
