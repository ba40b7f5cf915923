"""world.toml: the sample is read, and every mistake becomes a sentence with file, key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer.domain.errors import BadValue
from dialer.lab.fate import Does
from dialer.lab.worldfile import SAMPLE, read
from dialer.worlds import Shape

EVERYONE = '[everyone]\ndoes = "answer"\n'

BAD = {
    "not TOML": ("seed = = 1", "is not TOML"),
    "no everyone": ("seed = 1", "everyone is nothing, allowed is a table"),
    "everyone is no table": ('everyone = "busy"', "everyone is 'busy'"),
    "unknown key of the file": (f"sed = 1\n{EVERYONE}", "the file has no key 'sed'; the keys are seed"),
    "seed with a point": (f"seed = 1.5\n{EVERYONE}", "seed is 1.5, allowed is a whole number"),
    "seed is true": (f"seed = true\n{EVERYONE}", "seed is True"),
    "seed below zero": (f"seed = -1\n{EVERYONE}", "seed is -1"),
    "rule is one table": (f'{EVERYONE}[rule]\nnumber = "7*"', "rule is {'number': '7*'}, allowed is a list"),
    "unknown key of everyone": ('[everyone]\ndoes="busy"\nring = 3', "everyone has no key 'ring'"),
    "neither does nor shares": ("[everyone]\nring_s = 3", 'either "does" or "shares"'),
    "both does and shares": ('[everyone]\ndoes = "busy"\nshares = {busy = 1}', 'either "does" or "shares"'),
    "unknown behaviour": (
        '[everyone]\ndoes = "explode"',
        "everyone.does is 'explode', allowed is one of answer",
    ),
    "does is a list": ('[everyone]\ndoes = ["busy"]', "everyone.does is ['busy'], allowed is one of"),
    "does is a table": ("[everyone]\ndoes = {busy = 1}", "everyone.does is {'busy': 1}"),
    "unknown behaviour in shares": ("[everyone]\nshares = {explode = 1}", "everyone.shares is 'explode'"),
    "shares empty": ("[everyone]\nshares = {}", "everyone.shares is {}"),
    "shares all zero": ("[everyone]\nshares = {busy = 0}", "at least one share above 0"),
    "share below zero": ("[everyone]\nshares = {busy = -1}", "everyone.shares.busy is -1"),
    "share is a word": ('[everyone]\nshares = {busy = "half"}', "everyone.shares.busy is 'half'"),
    "share is infinite": ("[everyone]\nshares = {busy = inf}", "everyone.shares.busy is inf"),
    "share is no number": ("[everyone]\nshares = {busy = nan}", "everyone.shares.busy is nan"),
    "ring below zero": (
        f"{EVERYONE}ring_s = -1",
        "everyone.ring_s is -1, allowed is a number from 0 to 36000",
    ),
    "ring of a week": (f"{EVERYONE}ring_s = 604800", "everyone.ring_s is 604800"),
    "ring is a word": (
        f'{EVERYONE}ring_s = "soon"',
        "everyone.ring_s is 'soon', allowed is seconds, or a table",
    ),
    "talk is true": (f"{EVERYONE}talk_s = true", "everyone.talk_s is True"),
    "unknown distribution": (f"{EVERYONE}talk_s = {{gauss = 3}}", "everyone.talk_s has no key 'gauss'"),
    "two distributions": (f"{EVERYONE}talk_s = {{exponential = 3, uniform = [1, 2]}}", "exactly one of"),
    "no distribution": (
        f"{EVERYONE}talk_s = {{least = 3}}",
        "exactly one of uniform, exponential, lognormal",
    ),
    "one figure for two": (f"{EVERYONE}talk_s = {{lognormal = 3}}", "everyone.talk_s.lognormal is [3]"),
    "figure is a word": (f'{EVERYONE}talk_s = {{exponential = "x"}}', "everyone.talk_s.exponential is 'x'"),
    "upside down": (f"{EVERYONE}talk_s = {{uniform = [9, 2]}}", "the smaller figure first"),
    "least above most": (
        f"{EVERYONE}talk_s = {{exponential = 3, least = 9, most = 2}}",
        "least not above most",
    ),
    "unknown voice": (f'{EVERYONE}voice = "bass"', "everyone.voice is 'bass', allowed is \"tone:620\""),
    "tone too high": (f'{EVERYONE}voice = "tone:9000"', "everyone.voice is 'tone:9000'"),
    "voice is a list": (f"{EVERYONE}voice = [620]", "everyone.voice is [620]"),
    "number with a plus": (
        f'{EVERYONE}[[rule]]\nnumber = "+7916"\ndoes = "busy"',
        "rule 1.number is '+7916'",
    ),
    "number is a figure": (f'{EVERYONE}[[rule]]\nnumber = 7916\ndoes = "busy"', "rule 1.number is 7916"),
    "number is missing": (f'{EVERYONE}[[rule]]\ndoes = "busy"', "rule 1.number is nothing"),
    "number with dialplan": (
        f'{EVERYONE}[[rule]]\nnumber = "7,1,System(x)"\ndoes = "busy"',
        "rule 1.number is",
    ),
    "number with a line break": (f'{EVERYONE}[[rule]]\nnumber = "79\\n"\ndoes = "busy"', "rule 1.number is"),
    "star in a rule": (f'{EVERYONE}[[rule]]\nnumber = "*"\ndoes = "busy"', "a bare star only as everyone"),
    "star as everyone's number": ('[everyone]\nnumber = "7*"\ndoes = "busy"', "everyone has no key 'number'"),
    "the same number twice": (
        f'{EVERYONE}[[rule]]\nnumber = "79*"\ndoes = "busy"\n[[rule]]\nnumber = "79*"\ndoes = "answer"',
        "rule.number is '79*', allowed is each number once",
    ),
}


def test_the_sample_is_read() -> None:
    plan = read(SAMPLE)
    assert plan.fate("+79990000001").does is Does.ANSWER
    assert plan.fate("79994040001").does is Does.UNALLOCATED
    assert plan.rules[-1].ring_s.shape is Shape.LOGNORMAL


def test_the_sample_explains_every_behaviour() -> None:
    assert [does for does in Does if does not in SAMPLE.read_text()] == []


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_named_with_the_way_out(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "world.toml"
    file.write_text(text)
    with pytest.raises(BadValue) as caught:
        read(file)
    said = str(caught.value)
    assert words in said
    assert str(file) in said
    assert "\n" not in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"nowhere\.toml cannot be read: No such file"):
        read(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadValue, match="it is not UTF-8 text"):
        read(tmp_path / "bad.toml")
    with pytest.raises(BadValue, match="cannot be read: Is a directory"):
        read(tmp_path)
