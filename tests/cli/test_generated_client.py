"""A client that a stranger's tool makes of our description, unpatched, works against a running service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dialer.web.reference import operations
from dialer.web.server import serve
from tests.web.world import World, build_world

BIN = Path(__file__).parents[2] / ".venv/client/bin"  # tests/client.lock, in an environment of its own
STRANGER = Path(__file__).with_name("stranger.py")
# nobody reads it, so nobody formats it; a WAV is bytes
CONFIG = "post_hooks: []\ncontent_type_overrides:\n  audio/wav: application/octet-stream\n"


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return asyncio.run(build_world()).app.openapi()


@pytest.fixture(scope="module")
def folder(description: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package `made` lies; a warning of the generator is a failure."""
    if not (BIN / "openapi-python-client").exists():
        pytest.fail("openapi-python-client is not installed here: run `make setup`", pytrace=False)
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(description))
    (folder / "config.yaml").write_text(CONFIG)
    words = ["generate", "--meta", "none", "--path", "openapi.json", "--config", "config.yaml"]
    made = subprocess.run(
        [BIN / "openapi-python-client", *words, "--output-path", "made", "--fail-on-warning"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (made.returncode, "warning" in made.stdout.lower()) == (0, False), made.stdout + made.stderr
    return folder


@pytest.fixture
async def service() -> AsyncIterator[tuple[World, str]]:
    world = await build_world()
    bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_bound(host: str, port: int) -> None:
        bound.set_result(f"http://{host}:{port}")

    serving = asyncio.create_task(serve(world.app, "127.0.0.1", 0, on_bound=on_bound, stop_s=1))
    yield world, await asyncio.wait_for(bound, 10)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def test_every_operation_of_the_description_is_in_the_client(
    folder: Path, description: dict[str, Any]
) -> None:
    made = {file.stem for file in (folder / "made/api").rglob("*.py")} - {"__init__"}
    assert made == {told["operationId"] for _, _, _, told in operations(description)}


def test_every_schema_has_a_title_of_its_own(description: dict[str, Any]) -> None:
    titles = [one["title"] for one in description["components"]["schemas"].values()]
    assert len(titles) == len(set(titles))
    assert all(title.replace("_", "").isalnum() for title in titles)


async def test_the_client_lists_operators_logs_one_in_pauses_her_and_makes_a_campaign_once(
    folder: Path, service: tuple[World, str]
) -> None:
    world, base = service
    stranger = await asyncio.create_subprocess_exec(
        BIN / "python", STRANGER, base, world.tokens["supervisor"],
        env={"PYTHONPATH": str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, trouble = await asyncio.wait_for(stranger.communicate(), 60)
    assert stranger.returncode == 0, trouble.decode()
    found = json.loads(out)
    assert found["operators"] == ["101", "102"]
    assert found["said"] == [["login", "operator:101"], ["pause", "operator:101"]]
    assert [(one.verb, one.target) for one in world.desk.told] == [tuple(one) for one in found["said"]]
    assert found["wrong"] == [404, "missing"]
    assert found["made"] == [[201, 2], [201, 2]]
    assert (found["again"], found["leads"]) == ("true", 0)
