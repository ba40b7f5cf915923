"""The REST API and, later, the screens."""
