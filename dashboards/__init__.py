"""Grafana's boards as code: what they show stands here, `make dashboards` writes the JSON."""
