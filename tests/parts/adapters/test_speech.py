"""Prompts: each is shipped in both languages, as loud as speech, and laid where Asterisk reads it once."""

from __future__ import annotations

import hashlib
import itertools
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from dialer.adapters.sounds import RATE, decode
from dialer.adapters.speech import LIST, SHIPPED, lay
from dialer.domain.prompts import LONGEST_S, WORDS, path_of
from dialer.domain.types import Language
from tools.speech import EDGE_S

EACH = list(itertools.product(Language, WORDS))


@pytest.mark.parametrize(("language", "name"), EACH)
def test_every_prompt_is_shipped_as_loud_as_speech_and_without_a_clipped_sample(language, name):
    path = SHIPPED / language / f"{name}.wav"
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
    samples, _ = decode(path.read_bytes())
    assert 0.4 < len(samples) / RATE < LONGEST_S
    assert -25 < 20 * np.log10(np.sqrt(np.mean(np.square(samples)))) < -18
    assert 0.3 < np.max(np.abs(samples)) < 0.8


@pytest.mark.parametrize(("language", "name"), EACH)
def test_every_prompt_says_all_of_its_words_and_no_others(language, name):
    """People say 8 to 19 letters a second; a file that was cut, or swapped for another one, does not."""
    samples, rate = decode((SHIPPED / language / f"{name}.wav").read_bytes())
    letters = sum(sign.isalpha() for sign in WORDS[name][list(Language).index(language)])
    heard = np.flatnonzero(np.abs(samples) > 0.01)
    assert 7 < letters / (len(samples) / rate - 2 * EDGE_S) < 20
    assert heard[0] / rate < 0.1
    assert (len(samples) - heard[-1]) / rate < 0.2, "the last consonant may be faint"
    assert np.diff(heard).max() / rate < 0.6, "no hole between the words"


def test_no_two_prompts_of_a_language_sound_alike():
    for language in Language:
        place = list(Language).index(language)
        words = {name: (SHIPPED / language / f"{name}.wav").read_bytes() for name in WORDS}
        alike = [
            (one, other)
            for one, other in itertools.combinations(words, 2)
            if words[one] == words[other] and WORDS[one][place] != WORDS[other][place]
        ]
        assert not alike, language


def test_no_sound_is_shipped_that_nobody_plays():
    assert {path.stem for path in SHIPPED.glob("*/*.wav")} == WORDS.keys()


def test_prompts_are_laid_once_and_a_recording_of_ones_own_stays(tmp_path: Path) -> None:
    assert lay(tmp_path) == len(EACH)
    assert lay(tmp_path) == 0
    own = tmp_path / f"{path_of('state-ready', Language.RU)}.wav"
    own.write_bytes(b"a voice of our own")
    (tmp_path / f"{path_of('state-paused', Language.RU)}.wav").unlink()
    assert lay(tmp_path) == 1
    assert own.read_bytes() == b"a voice of our own"


def test_asterisk_may_read_them_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        lay(tmp_path)
    finally:
        os.umask(before)
    laid = [tmp_path / "prompts", *(tmp_path / "prompts").rglob("*")]
    assert {path.stat().st_mode & 0o005 for path in laid if path.is_dir()} == {0o005}
    assert {path.stat().st_mode & 0o004 for path in laid} == {0o004}


def test_a_prompt_of_an_older_version_is_replaced(tmp_path: Path) -> None:
    lay(tmp_path)
    old = tmp_path / f"{path_of('state-ready', Language.EN)}.wav"
    shipped = old.read_bytes()
    (tmp_path / "prompts" / LIST).write_text(
        (tmp_path / "prompts" / LIST)
        .read_text()
        .replace(hashlib.sha256(shipped).hexdigest(), hashlib.sha256(b"old").hexdigest())
    )
    old.write_bytes(b"old")
    assert lay(tmp_path) == 1
    assert old.read_bytes() == shipped
