"""docs/reference/metrics.md, from the table of metrics."""

from __future__ import annotations

from dialer.adapters.metrics_table import COMMON, STANDARD, TABLE

_TRUE = "1 is true; less: too many were expected"
FORMULAS = (
    "## How true the forecasts are",
    "",
    "Of each predictive campaign one forecast at a time is checked. It says how many of the lines then on",
    "their way are answered within its horizon, and how many of the operators then busy or away come free by",
    "then and 1.5 s more; what came is counted when that time is over. Calls that pacing gives up count as",
    "unanswered.",
    "",
    "| figure | formula | reads |",
    "|---|---|---|",
    *(
        f"| {what} | `increase(dialer_forecast_{name}_total[1h]) / increase({by}[1h])` | {reads} |"
        for what, name, by, reads in (
            ("calibration of answers", "answers_seen", "dialer_forecast_answers_expected_total", _TRUE),
            ("error of answers", "answers_off", "dialer_forecasts_checked_total", "answers, mean absolute"),
            ("calibration of operators", "free_seen", "dialer_forecast_free_expected_total", _TRUE),
            ("error of operators", "free_off", "dialer_forecasts_checked_total", "operators, mean absolute"),
        )
    ),
)


def markdown_page() -> str:
    """docs/reference/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "At /metrics, for Prometheus. `make docs` writes this page anew.",
        "The web tells the engine's figures with its own; what each of the two tells of itself is the web's",
        'where `part="web"` stands. A part without the API has a port of its own, the engine the one of',
        "`DIALER_ENGINE_HEALTH_PORT`. Where parts meet in Redis scrape each: calls, operators and pacing are",
        f"told by the engine alone, the others show the first {len(COMMON) + len(STANDARD)} rows.",
        "Campaigns appear by their id (`dialer_campaign_info` has the names); no label holds a phone number",
        "or the id of a call. Counters begin at zero when the service starts: use `rate()`, `increase()`.",
        "",
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for row in TABLE:
        labels = ", ".join(f"`{label}`" for label in row.labels)
        lines.append(f"| `{row.name}` | {row.kind} | {labels} | {row.meaning} |")
    lines += ["", *FORMULAS]
    lines += ["", "## Buckets", "", "Upper bounds in seconds.", "", "| histogram | buckets |", "|---|---|"]
    for row in TABLE:
        if row.buckets:
            lines.append(f"| `{row.name}` | {', '.join(f'{one:g}' for one in row.buckets)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown_page(), end="")
