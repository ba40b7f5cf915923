"""Log lines as a process really writes them: whatever fails, no number, no secret, no local variable."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest

SECRET, LOCAL, NUMBERS = "hunter2", "in-a-local", ("1234567", "123-45-67", "0123456")
ROUGH = """
    import asyncio, gc, logging, sys, threading, warnings
    from dataclasses import dataclass
    import structlog
    from dialer.cli.log import configure

    configure("info", FORM)
    log = structlog.get_logger()

    @dataclass(frozen=True)
    class Lead:
        numbers: tuple
        password: str

    def fail(password):
        in_a_local = "in-a-local 8 916 123-45-67"
        raise ValueError("sip:79161234567@host refused (+7 916 123-45-67)")

    lead = Lead(("+79161234567", "89161234567"), "hunter2")
    log.info("called 8 (916) 123-45-67", number=79161234567, caller="4930123456", lead=lead, n=1767000000123)
    log.info("to %s", "PJSIP/4930123456@main")
    log.warning("nested", body={"number": "12120123456", "token": "hunter2", "all": [{"pin": "hunter2"}]})
    log.warning("objects", things=[lead, b"Secret: hunter2"], api_password="hunter2")
    log.warning("headers", headers={"Authorization": "Bearer hunter2"})
    try:
        fail("hunter2")
    except ValueError as failure:
        log.exception("ours", error=failure)
        logging.getLogger("aiohttp.server").exception("Error handling request %r", lead)
        logging.getLogger("uvicorn.error").error("down", exc_info=failure, stack_info=True)
    logging.getLogger("sqlalchemy").warning("[parameters: (%r, %r)]", "+79161234567", "89161234567")
    logging.getLogger("x").error("%d %d", "79161234567")
    warnings.warn("postgresql://obzvon:hunter2@db/x for +79161234567")
    thread = threading.Thread(target=fail, args=("hunter2",), name="leg-79161234567")
    thread.start()
    thread.join()

    class Last:
        def __del__(self):
            fail("hunter2")

    Last()

    async def main():
        asyncio.get_running_loop().set_debug(True)
        task = asyncio.create_task(job("hunter2"), name="leg-79161234567")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()
        asyncio.get_running_loop().call_exception_handler({"message": "+79161234567", "lead": lead})

    async def job(password):
        fail(password)

    asyncio.run(main())
    fail("hunter2")
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_whatever_fails_no_number_no_secret_and_no_local_variable_is_logged(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", dedent(ROUGH).replace("FORM", repr(form))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == ""
    assert done.returncode == 1
    told = done.stderr
    for part in (SECRET, LOCAL, *NUMBERS):
        lines = [line for line in told.splitlines() if part in line]
        assert not lines, "\n".join(lines)
    for wanted in (
        "called 8 (***) ***-**-67",
        "in fail",
        "nobody caught this",
        "never retrieved",
        "1767000000123",
    ):
        assert wanted in told, told
    if form == "json":
        first, _, third, *_ = (json.loads(line) for line in told.splitlines())
        assert (first["number"], first["n"]) == ("7********67", 1767000000123)
        assert third["body"]["all"] == [{"pin": "***"}]
