"""The live table says what pacing foresees, in the language of whoever looks."""

from __future__ import annotations

from rich.console import Console

from dialer.adapters.languages import speaker
from dialer.demo.show import View, render
from dialer.domain.types import Language

FORECAST = {
    "within_s": 21.2, "lines": 4, "answers": 0.71, "free": 2.52, "risk": 0.0641, "price": 0.047,
    "budget": 0.2, "answers_calibration": None, "free_calibration": None,
}  # fmt: skip


def shown(view: View, language: Language = Language.EN) -> str:
    console = Console(width=200)
    with console.capture() as seen:
        console.print(render(view, seconds=3, footer="", tell=speaker(language)))
    return seen.get()


def test_the_forecast_is_shown_and_how_true_it_was_as_soon_as_that_is_known() -> None:
    line = "Forecast for 21 s: 0.7 answers of 4 lines, 2.5 operators free; risk 6.4 % at price 4.7 %"
    assert line in (first := shown(View(forecast=FORECAST)))
    assert "so far" not in first
    checked = {**FORECAST, "answers_calibration": 0.971, "free_calibration": 1.02}
    assert "Came of each one expected so far: 0.97 answers, 1.02 operators" in shown(View(forecast=checked))
    assert "сбылось: ответов 0,97, операторов 1,02" in shown(View(forecast=checked), Language.RU)
    assert "Forecast" not in shown(View())
