"""The asyncio shell of one cell: it owns tasks and order and takes no decision."""
