"""A host's name is looked up without holding up the loop, however long the name server thinks."""

from __future__ import annotations

import asyncio
import socket
from threading import Event

import pytest

from dialer.adapters.names import Names


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_what_can_be_called_is_no_trouble(host: str) -> None:
    assert await Names().trouble_with(host) == ""


@pytest.mark.parametrize("host", ["nosuch.invalid", "256.1.1.1", "a" * 64 + ".example"])
async def test_what_cannot_be_looked_up_is_told(host: str) -> None:
    assert await Names().trouble_with(host)


async def test_a_name_server_that_thinks_for_ever_holds_up_nothing_and_is_asked_once() -> None:
    let_go, asked = Event(), list[str]()

    def look(host: str) -> None:
        asked.append(host)
        let_go.wait(5)

    names = Names(look, longest_s=0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()
    told = await asyncio.gather(*(names.trouble_with("slow.example") for _ in range(3)))
    assert loop.time() - began < 1
    assert set(told) == {"no name server answered within 0.05 s"}
    assert asked == ["slow.example"]
    let_go.set()


async def test_a_name_that_is_found_again_is_no_trouble_any_more() -> None:
    def look(host: str) -> None:
        if not is_up.is_set():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    is_up = Event()
    names = Names(look)
    assert await names.trouble_with("sip.example.org") == "Temporary failure in name resolution"
    is_up.set()
    assert await names.trouble_with("sip.example.org") == ""
