"""Use cases: one async function each, which checks access, law and bounds, and returns values."""
