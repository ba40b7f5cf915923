"""Carriers that answer with odd words: small sipp scenarios made of steps, one process each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from dialer.domain.errors import Fatal
from dialer.lab import sipp
from dialer.lab.packages import ensure_program
from dialer.lab.ports import Ports
from dialer.lab.sipp import Sipp
from dialer.lab.site import SIPP

TRIES = 3
CONTACT = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>"
SDP = """\
v=0
o=carrier 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000"""
OPENING = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="wordy">
  @@PROBED@@
  <recv request="INVITE" crlf="true" rrs="true">
    <action>
      <ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="caller"/>
      <ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="called"/>
      <ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" check_it="true" assign_to="number"/>
    </action>
  </recv>
  <nop><action><log message="[$caller] [$called] [$number]"/></action></nop>
"""


def _message(first: str, *headers: str, body: str = "", cseq: str = "[last_CSeq:]") -> str:
    lines = [f"SIP/2.0 {first}", "[last_Via:]", "[last_From:]", "[last_To:];tag=[pid]w[call_number]"]
    lines += ["[last_Call-ID:]", cseq, *headers]
    return _text([*lines, *_body(body)])


def _body(body: str) -> list[str]:
    if not body:
        return ["Content-Length: 0", "", ""]
    return ["Content-Type: application/sdp", "Content-Length: [len]", "", *body.splitlines(), ""]


def _text(lines: list[str]) -> str:
    return "<![CDATA[\n" + "\n".join(f"      {line}".rstrip() for line in lines) + "\n  ]]>"


def _bye(*headers: str) -> str:
    lines = ["BYE [next_url] SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"]
    lines += ["From:[$called];tag=[pid]w[call_number]", "To:[$caller]", "[last_Call-ID:]", "CSeq: 1 BYE"]
    return _text([*lines, "Max-Forwards: 70", *headers, *_body("")])


def step(what: str) -> str:
    """One step of a scenario.

    `wait 300` (ms), `180`, `183`, `200`, `200 without SDP`, any final answer such as `480 Nobody`, `BYE`,
    `until BYE` and `until CANCEL`; headers follow after a bar: `480 Nobody|Reason: Q.850;cause=1`.
    """
    words, *headers = what.split("|")
    match words.split(" "):
        case ["wait", ms]:
            return f'  <pause milliseconds="{ms}"/>'
        case ["until", "BYE"]:
            return f'  <recv request="BYE"/>\n  <send>{_message("200 OK")}</send>'
        case ["until", "CANCEL"]:
            ended = _message("487 Request Terminated", cseq="CSeq: [$number] INVITE")
            return (
                f'  <recv request="CANCEL"/>\n  <send>{_message("200 OK")}</send>\n'
                f'  <send retrans="500">{ended}</send>\n  <recv request="ACK"/>'
            )
        case ["BYE"]:
            return f'  <send retrans="500">{_bye(*headers)}</send>\n  <recv response="200"/>'
        case ["180"]:
            return f"  <send>{_message('180 Ringing', CONTACT, *headers)}</send>"
        case ["183"]:
            return f"  <send>{_message('183 Session Progress', CONTACT, *headers, body=SDP)}</send>"
        case ["200", *rest]:
            answer = _message("200 OK", CONTACT, *headers, body="" if rest else SDP)
            return f'  <send retrans="500">{answer}</send>\n  <recv request="ACK"/>'
        case _:
            return f'  <send retrans="500">{_message(words, *headers)}</send>\n  <recv request="ACK"/>'


def scenario(*steps: str) -> str:
    """The whole file; probes of Asterisk are answered and not counted."""
    text = OPENING + "\n".join(map(step, steps)) + "\n</scenario>"
    return text.replace("@@PROBED@@", sipp.PROBED).replace("</scenario>", sipp.PROBE)


async def _launch(folder: Path, text: str, ports: Ports) -> Sipp:
    """Sipp takes more media ports than the one that it is told: a neighbour may have the next."""
    for _ in range(TRIES):
        with suppress(Fatal):
            return await sipp.launch(folder, text, (ports.draw(SIPP), ports.draw(SIPP)))
    return await sipp.launch(folder, text, (ports.draw(SIPP), ports.draw(SIPP)))


@asynccontextmanager
async def carriers(folder: Path, scenarios: Mapping[str, tuple[str, ...]]) -> AsyncIterator[dict[str, Sipp]]:
    """A carrier for each name; they end with the block."""
    ensure_program("sipp", "sip-tester", lambda words: None)
    ports = Ports()
    async with AsyncExitStack() as stack:
        stack.callback(ports.release)
        ways = {}
        for name, steps in scenarios.items():
            ways[name] = await _launch(folder / name, scenario(*steps), ports)
            stack.push_async_callback(ways[name].stop)
        yield ways
