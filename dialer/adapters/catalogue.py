"""Makes the catalogues in dialer/locales from the sentences in the code: `python -m dialer.adapters.catalogue`.

Sentences that are new come out empty in Russian and must be translated there; those that are gone are dropped.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from dialer.adapters.languages import LOCALES
from dialer.domain import call, operators
from dialer.domain.said import context_of
from dialer.domain.types import CampaignStatus, Language, LeadStatus, Mode, Outcome, Purpose

SOURCES = LOCALES.parent
KEYWORDS = ("said:1", "counted:1,2", "refuse:2", "_setting:1")
WORDS: Mapping[type[StrEnum], str] = {
    # kind -> what stands for its underscores in English
    operators.State: "-",
    call.State: " ",
    CampaignStatus: " ",
    LeadStatus: " ",
    Mode: " ",
    Outcome: " ",
    Purpose: " ",
}
