"""How a file that was sent is to be read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from dialer.domain.columns import ReadOptions, mapping_of
from dialer.web.values import Country, Line


async def read_options(
    *,
    column: Annotated[
        list[Line] | None,
        Query(alias="map", description="COLUMN=FIELD, by header or number; may be repeated"),
    ] = None,
    header: Annotated[
        bool | None, Query(description="whether there is a row of headers; found if not said")
    ] = None,
    header_row: Annotated[int, Query(ge=0, le=1_048_576, description="the row of headers; 0: found")] = 0,
    encoding: Annotated[Line, Query(description="of a text file, such as cp1251")] = "",
    sheet: Annotated[Line, Query(description="of a spreadsheet, by name or number")] = "",
    country: Annotated[
        Country | Literal[""], Query(description="where numbers without a country code belong")
    ] = "",
    hidden_rows: Annotated[bool, Query(description="take the rows that the spreadsheet hides, too")] = False,
) -> ReadOptions:
    """How the file is to be read, as on the command line."""
    mapping = mapping_of(column or ())
    return ReadOptions(mapping, header, header_row, encoding, sheet, country, hidden_rows=hidden_rows)
