"""One line of migrations: no number twice, each after the one before, the last is what the code needs."""

from __future__ import annotations

import ast
from pathlib import Path

from dialer.adapters.sql import migrations
from dialer.adapters.sql.revision import HEAD

VERSIONS = Path(migrations.__file__).with_name("versions")


def test_the_migrations_are_one_line_that_ends_where_the_code_is() -> None:
    before: str | None = None
    for file in sorted(VERSIONS.glob("v*.py")):
        names = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(file.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in ("revision", "down_revision")
        }
        assert file.name.startswith(f"v{names['revision']}_"), file.name
        assert names["down_revision"] == before, f"{file.name} comes after {before}"
        before = names["revision"]
    assert before == HEAD
