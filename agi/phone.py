"""One FastAGI conversation with an operator's phone: every command bounded in time, every answer checked."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from panoramisk import fast_agi
from panoramisk.utils import parse_agi_result

from agi import words
from dialer.domain import prompts
from dialer.domain.errors import NetworkTrouble
from dialer.domain.types import Language

COMMAND_S = 5.0  # for a command, without the time that it plays or waits
PLAY_S = 30.0  # the longest stock word lasts 20 s
PROVISIONAL = 20  # `100 Trying` in a row before the answer is given up
USAGE_LINES = 100  # of the explanation that follows `520-`

_ANSWER = re.compile(r"(?P<code>[1-5][0-9]{2})(?P<more>[ -])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KEYS = re.compile(r"[0-9*#A-D]*")


class Gone(Exception):
    """The caller hung up, or Asterisk closed the connection."""


class Garbled(NetworkTrouble):
    """What came back is no answer of Asterisk to the command that was sent."""


def bare(value: str, instead: str = "") -> str:
    """Without control characters: a newline would begin another command."""
    return _CONTROL.sub(instead, value)


def quoted(value: str) -> str:
    """One argument of an AGI command: quotes and backslashes escaped."""
    return '"' + bare(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


class Phone(fast_agi.Request):  # type: ignore[misc]  # panoramisk carries no types
    """The phone that dialled a feature code; its headers are what Asterisk said about the call."""

    headers: Mapping[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    language: Language = Language.RU
    sound: Callable[[str], str] = staticmethod(str)  # name of a sound of ours -> as Asterisk plays it

    @property
    def argument(self) -> str:
        """The first argument of AGI() in the dialplan: the name of the phone's endpoint."""
        return self.headers.get("agi_arg_1", "")

    async def send_command(self, command: str, longer_s: float = 0.0) -> dict[str, Any]:
        """Sends one line, gives panoramisk's reading of the answer; raises Gone, Garbled.

        `longer_s`: how much longer than others this command may take.
        """
        within_s = COMMAND_S + longer_s
        line = bare(command)
        if self.writer.is_closing():
            raise Gone
        try:
            async with asyncio.timeout(within_s):
                self.writer.write(line.encode() + b"\n")
                await self.writer.drain()
                return await self._answer()
        except TimeoutError as late:
            raise Garbled(f"Asterisk did not answer {_verb(line)} within {within_s:g} s") from late
        except ConnectionError as closed:
            raise Gone from closed
        except ValueError as overlong:  # of readline: a line longer than the stream's limit
            raise Garbled(f"the answer to {_verb(line)} is too long to be Asterisk's") from overlong

    async def _answer(self) -> dict[str, Any]:
        for _ in range(PROVISIONAL):
            line = await self._line()
            read = _ANSWER.match(line)
            if read is None:
                raise Garbled("what came back is no answer of Asterisk")
            if read["code"] == "511":  # the channel is dead
                raise Gone
            if read["more"] == "-":
                await self._skip_usage(read["code"])
            if read["code"] != "100":
                return self._checked(line)
        raise Garbled("Asterisk says it is trying, and no more")

    async def _line(self) -> str:
        raw = await self.reader.readline()
        if not raw.endswith(b"\n"):
            raise Gone
        line = raw.decode(errors="replace").rstrip("\r\n")
        if line == "HANGUP":
            raise Gone
        return line

    async def _skip_usage(self, code: str) -> None:
        """The lines of `520-...` up to `520 End ...`: left unread they would answer the next command."""
        for _ in range(USAGE_LINES):
            if (await self._line()).startswith(f"{code} "):
                return
        raise Garbled("an explanation of Asterisk does not end")

    def _checked(self, line: str) -> dict[str, Any]:
        answer: dict[str, Any] = parse_agi_result(line)
        if answer.get("error") == "AGIResultHangup":
            raise Gone
        return answer

    # --- what the entries say ------------------------------------------------------------------------------

    async def answer(self) -> None:
        """Picks up: before GET DATA keys would not be heard."""
        await self.send_command("ANSWER")

    async def speak(self, language: Language) -> None:
        """Words and digits from here on are said in this language."""
        self.language = language
        name = words.SOUND_LANGUAGE[language]
        await self.send_command(f"SET VARIABLE CHANNEL(language) {quoted(name)}")

    async def play(self, tone: words.Tone) -> None:
        """Sounds a tone to its end."""
        await self.send_command(f"EXEC PlayTones {quoted(tone.pattern)}")
        await self.send_command(f"EXEC Wait {tone.seconds:.2f}", tone.seconds)
        await self.send_command("EXEC StopPlayTones")

    async def say(self, word: str) -> bool:
        """Plays a stock word; False: this Asterisk has no such file."""
        answer = await self.send_command(f'STREAM FILE {quoted(word)} ""', PLAY_S)
        return "error" not in answer and answer.get("endpos", ("0", ""))[0] != "0"

    async def tell(self, *names: str) -> None:
        """Prompts of ours, one after another; those that are not there are left out."""
        for name in names:
            await self.say(self.sound(prompts.path_of(name, self.language)))

    async def ask_words(self, name: str, *, digits: int, wait_s: float) -> str:
        """As `ask`, with a prompt of ours."""
        return await self.ask(self.sound(prompts.path_of(name, self.language)), digits=digits, wait_s=wait_s)

    async def say_digits(self, digits: str) -> None:
        """Says digits one by one; anything else is left out."""
        plain = "".join(digit for digit in digits if digit in "0123456789")
        if plain:
            await self.send_command(f'SAY DIGITS {plain} ""', PLAY_S)

    async def ask(self, word: str, *, digits: int, wait_s: float) -> str:
        """Plays a word (a tone where there is no file), gives the keys up to `#`; empty: none in time."""
        answer = await self.send_command(
            f"GET DATA {quoted(word)} {round(wait_s * 1000)} {digits}", PLAY_S + wait_s * (digits + 1)
        )
        if answer.get("error") == "AGIAppError":  # there is no such file, or the caller is gone
            return await self._ask_by_tone(digits, wait_s)
        if "error" in answer:
            raise Garbled(f"Asterisk refused GET DATA ({answer['error']})")
        keys = str(answer["result"][0])
        if not _KEYS.fullmatch(keys) or len(keys) > digits:
            raise Garbled("Asterisk gave keys that no phone has")
        return keys

    async def _ask_by_tone(self, digits: int, wait_s: float) -> str:
        """Key by key: needs no sound file at all."""
        await self.play(words.PROMPT)
        keys = ""
        while len(keys) < digits:
            answer = await self.send_command(f"WAIT FOR DIGIT {round(wait_s * 1000)}", wait_s)
            if "error" in answer:
                raise Gone
            code = str(answer["result"][0])
            key = chr(int(code)) if code.isdecimal() and int(code) < 128 else ""
            if key in ("\x00", "#"):
                break
            if not key or not _KEYS.fullmatch(key):
                raise Garbled("Asterisk gave a key that no phone has")
            keys += key
        return keys

    async def hang_up(self) -> None:
        """Ends the call; Asterisk says so to the phone once this conversation is closed."""
        await self.send_command("HANGUP")

    async def leave(self) -> None:
        """Ends the call and this conversation: only then does Asterisk let the phone go."""
        await self.hang_up()
        self.writer.close()

    async def refuse(self, why: str = prompts.NOT_DONE) -> None:
        """Two low tones, the reason, and the end of the call; whoever is gone already hears nothing."""
        with contextlib.suppress(Gone, Garbled):
            await self.play(words.FAILED)
            await self.tell(why)
            await self.hang_up()


def _verb(line: str) -> str:
    """The command without its arguments, for logs: an argument may be a secret."""
    return " ".join(part for part in line.split(" ")[:2] if part.isupper() or part.isalpha())
