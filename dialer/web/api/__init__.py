"""The REST API: one module per resource, models beside their routes."""
