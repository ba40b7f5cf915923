"""Carriers that answer with odd words: one sipp that says to each range of numbers what is written for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import starmap
from pathlib import Path

from dialer.domain.errors import Fatal
from dialer.lab import sipp
from dialer.lab.packages import ensure_program
from dialer.lab.ports import Ports
from dialer.lab.sipp import Sipp
from dialer.lab.site import SIPP

TRIES = 4
LONGEST = 65_536  # signs of a scenario
CONTACT = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>"
SDP = """\
v=0
o=carrier 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000"""
ADDRESS, MEDIA = "[media_ip_type] [media_ip]", "m=audio [media_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000"
# beside something of the old network
PARTS = f"""\
--x
Content-Type: application/isup;version=itu-t92+

AB
--x
Content-Type: application/sdp

{SDP}

--x--"""
ANSWERS = {
    "in parts": PARTS,
    "without ACK": SDP,
    "inactive": f"{SDP}\na=inactive",
    "sendonly": f"{SDP}\na=sendonly",
    "held": SDP.replace(ADDRESS, "4 0.0.0.0"),
    "without sound": SDP.replace("m=audio [media_port]", "m=audio 0"),
    "in g729": SDP.replace(MEDIA, "m=audio [media_port] RTP/AVP 18\na=rtpmap:18 G729/8000"),
    "in opus": SDP.replace(MEDIA, "m=audio [media_port] RTP/AVP 107\na=rtpmap:107 opus/48000/2"),
    "in ulaw": SDP.replace(MEDIA, "m=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000"),
    "with strange keys": SDP.replace("RTP/AVP", "RTP/SAVP")
    + "\na=crypto:1 F8_128_HMAC_SHA1_80 inline:"
    + "A" * 40,
    "without keys": SDP.replace("RTP/AVP", "RTP/SAVP"),
    "without SDP": "",
}
FAX = SDP.replace(MEDIA, "m=image [media_port] udptl t38\na=T38FaxVersion:0")
REFER_REFUSED = 603
OPENING = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="wordy">
  @@PROBED@@
  <recv request="INVITE" crlf="true" rrs="true">
    <action>
      <ereg regexp=".*" search_in="hdr" header="Via:" check_it="true" assign_to="via"/>
      <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="caller"/>
      <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="called"/>
      <ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" check_it="true" assign_to="number"/>
@@MATCHES@@
    </action>
  </recv>
  <nop><action><log message="[$via] [$caller] [$called] [$number]"/></action></nop>
@@BRANCHES@@
"""
ACK, BYE = '<recv request="ACK"/>', '<recv request="BYE"/>'
MATCH = '<ereg regexp="sip:{prefix}" search_in="hdr" header="To:" assign_to="is{place}"/>'
BRANCH = '<nop next="l{place}" test="is{place}"/>'


def _message(first: str, *headers: str, body: str = "", cseq: str = "[last_CSeq:]", tag: str = "w") -> str:
    lines = [f"SIP/2.0 {first}", "[last_Via:]", "[last_From:]", f"[last_To:];tag=[pid]{tag}[call_number]"]
    lines += ["[last_Call-ID:]", cseq, *headers]
    return _text([*lines, *_body(body)])


def _invited(first: str, *headers: str, body: str = "") -> str:
    """To the INVITE, though something else came after it."""
    lines = [f"SIP/2.0 {first}", "Via:[$via]", "From:[$caller]", "To:[$called];tag=[pid]w[call_number]"]
    lines += ["[last_Call-ID:]", "CSeq: [$number] INVITE", *headers]
    return _text([*lines, *_body(body)])


def _body(body: str) -> list[str]:
    if not body:
        return ["Content-Length: 0", "", ""]
    kind = "multipart/mixed;boundary=x" if body.startswith("--") else "application/sdp"
    return [f"Content-Type: {kind}", "Content-Length: [len]", "", *body.splitlines(), ""]


def _text(lines: list[str]) -> str:
    return "<![CDATA[\n" + "\n".join(lines) + "\n]]>"


def _request(method: str, cseq: int, *headers: str, body: str = "", branch: str = "[branch]") -> str:
    lines = [
        f"{method} [next_url] SIP/2.0",
        f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}",
    ]
    lines += ["From:[$called];tag=[pid]w[call_number]", "To:[$caller]", "[last_Call-ID:]"]
    lines += [f"CSeq: {cseq} {method}", "Max-Forwards: 70", *headers]
    return _text([*lines, *_body(body)])


def _within(method: str, cseq: int, *headers: str, body: str = "", status: int = 200) -> str:
    """A request in the dialog that is answered with this status."""
    sent = f'<send retrans="500">{_request(method, cseq, CONTACT, *headers, body=body)}</send>\n'
    wait = f'<recv response="100" optional="true"/>\n<recv response="{status}"/>'
    if method != "INVITE":
        return sent + wait
    answer = "" if body or status != 200 else SDP  # to an offer that came with the 200
    branch = "[branch]" if status == 200 else "[branch-3]"  # a refusal is acknowledged in its transaction
    return f"{sent}{wait}\n<send>{_request('ACK', cseq, body=answer, branch=branch)}</send>"


def _crossing() -> str:
    """The answer was on its way when the CANCEL came."""
    answer, heard = _invited("200 OK", CONTACT, body=SDP), _message("200 OK")
    return (
        f'<recv request="CANCEL"/>\n<send>{heard}</send>\n<send>{answer}</send>\n'
        f'<recv request="ACK"/>\n<recv request="BYE"/>\n<send>{heard}</send>'
    )


def step(place: int, what: str) -> str:
    """One step of a scenario; by its place its requests are counted.

    `wait 300` (ms), `180`, `183` and other provisional answers, `200`, `200 without SDP` and its like
    (ANSWERS), any final answer such as `480 Nobody`, `BYE`, `UPDATE`, `INVITE`, `INVITE without SDP`,
    `INVITE for fax` and `REFER`, which are to be refused, `180 of a fork`, `until BYE`, `until CANCEL`,
    `answer at CANCEL`, `reliable 183`, `until INVITE`; headers follow after a bar:
    `480 Nobody|Reason: Q.850;cause=1`.
    """
    words, *headers = what.split("|")
    match words.split(" ", 1):
        case ["wait", ms]:
            return f'<pause milliseconds="{ms}"/>'
        case ["until", "BYE"]:
            return f'<recv request="BYE"/>\n<send>{_message("200 OK")}</send>'
        case ["until", "INVITE"]:
            return '<recv request="INVITE" rrs="true"/>'
        case ["until", "CANCEL"]:
            ended = _message("487 Request Terminated", cseq="CSeq: [$number] INVITE")
            return (
                f'<recv request="CANCEL"/>\n<send>{_message("200 OK")}</send>\n'
                f'<send retrans="500">{ended}</send>\n<recv request="ACK"/>'
            )
        case ["answer", "at CANCEL"]:
            return _crossing()
        case ["reliable", "183"]:
            early = _message("183 Session Progress", CONTACT, "Require: 100rel", "RSeq: 7", body=SDP)
            answer = _invited("200 OK", CONTACT)
            return (
                f'<send retrans="500">{early}</send>\n<recv request="PRACK"/>\n'
                f"<send>{_message('200 OK')}</send>\n"
                f'<send retrans="500">{answer}</send>\n<recv request="ACK"/>'
            )
        case ["BYE"]:
            return f'<send retrans="500">{_request("BYE", place, *headers)}</send>\n<recv response="200"/>'
        case ["UPDATE"]:
            return _within("UPDATE", place, *headers)
        case ["REFER"]:
            return _within("REFER", place, *headers, status=REFER_REFUSED)
        case ["INVITE", "for fax"]:
            return _within("INVITE", place, *headers, body=FAX, status=488)
        case ["INVITE", *kind]:
            return _within("INVITE", place, *headers, body=ANSWERS[kind[0]] if kind else SDP)
        case ["180", *fork]:
            return f"<send>{_message('180 Ringing', CONTACT, *headers, tag='f' if fork else 'w')}</send>"
        case ["183", *kind]:
            body = ANSWERS[kind[0]] if kind else SDP
            return f"<send>{_message('183 Session Progress', CONTACT, *headers, body=body)}</send>"
        case [code, *_] if code.startswith("1"):
            return f"<send>{_message(words, CONTACT, *headers)}</send>"
        case ["200", *kind]:
            body = ANSWERS[kind[0]] if kind else SDP
            contact = [] if any(each.startswith("Contact") for each in headers) else [CONTACT]
            answer = _message("200 OK", *contact, *headers, body=body)
            if kind == ["without ACK"]:
                return f"<send>{answer}</send>"
            return f'<send retrans="500">{answer}</send>\n<recv request="ACK"/>'
        case _:
            return f'<send retrans="500">{_message(words, *headers)}</send>\n<recv request="ACK"/>'


def scenario(by_prefix: Mapping[str, Sequence[str]]) -> str:
    """The whole file; probes of Asterisk are answered and not counted."""
    matches = [MATCH.format(prefix=prefix, place=n) for n, prefix in enumerate(by_prefix)]
    branches = [BRANCH.format(place=n) for n in range(len(by_prefix))]
    text = OPENING.replace("@@MATCHES@@", "\n".join(matches)).replace("@@BRANCHES@@", "\n".join(branches))
    for n, steps in enumerate(by_prefix.values()):
        text += "\n".join(
            [f'<label id="l{n}"/>', *starmap(step, enumerate(steps, 1)), '<nop next="over"/>', ""]
        )
    # Asterisk may end a call before it has acknowledged its answer
    text = text.replace(f"{ACK}\n{BYE}", f'{ACK[:-2]} optional="true"/>\n{BYE}')
    text = text.replace("@@PROBED@@", sipp.PROBED) + sipp.PROBE
    assert len(text) < LONGEST, "sipp reads no more: a second carrier is needed"
    return text


async def _launch(folder: Path, text: str, ports: Ports) -> Sipp:
    """Sipp takes more media ports than the one that it is told: a neighbour may have the next."""
    for _ in range(TRIES - 1):
        with suppress(Fatal):
            return await sipp.launch(folder, text, (ports.draw(SIPP), ports.draw(SIPP)))
    return await sipp.launch(folder, text, (ports.draw(SIPP), ports.draw(SIPP)))


def taken(carrier: Sipp) -> Counter[str]:
    """How often each number was called, by the carrier's own notes."""
    notes = (carrier.folder / "calls.log").read_text()
    return Counter(
        f"+{number}" for number in re.findall(r"<sip:([0-9]+)@[^>]*> [0-9]+$", notes, re.MULTILINE)
    )


def aborted(carrier: Sipp) -> list[str]:
    """Calls in which something else came than what is written for them.

    A BYE is left out: Asterisk may end a call before it has acknowledged its answer, and its record tells.
    """
    errors = carrier.folder / "errors.log"
    told = errors.read_text(errors="replace") if errors.exists() else ""
    return re.findall(r"Aborting call on unexpected message.*", told)


@asynccontextmanager
async def carriers(folder: Path, scenarios: Mapping[str, Sequence[str]]) -> AsyncIterator[dict[str, Sipp]]:
    """A carrier for each name, which takes every number; they end with the block."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(carrier(folder / name, {"": steps}))
            for name, steps in scenarios.items()
        }


@asynccontextmanager
async def carrier(folder: Path, by_prefix: Mapping[str, Sequence[str]]) -> AsyncIterator[Sipp]:
    """A carrier whose numbers (by the digits that they begin with) go as these steps say."""
    ensure_program("sipp", "sip-tester", lambda words: None)
    ports = Ports()
    try:
        running = await _launch(folder, scenario(by_prefix), ports)
        try:
            yield running
        finally:
            await running.stop()
    finally:
        ports.release()
