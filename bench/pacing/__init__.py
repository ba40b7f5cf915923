"""Pacing without an engine: populations to dial, and what is measured on them."""
