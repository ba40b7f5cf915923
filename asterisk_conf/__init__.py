"""The configuration that a production Asterisk needs; the lab runs on exactly these files."""
