"""Recordings of talks: two channels when the campaign wants them, nothing when it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from dialer.adapters.sql.database import open_database as open_sql
from dialer.adapters.sql.tables import recordings
from dialer.bootstrap import database_url
from dialer.lab import tones
from dialer.lab.fate import Does, Plan, Rule, Voice, fixed, tone_of
from dialer.lab.lab import Lab, Options
from tests.pbx.office import numbers, open_office

PLAN = Plan(
    seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(2.0), voice=Voice("number")),)
)
