"""Makers of what is written by hand nowhere: pages of docs/reference, catalogues, prompts. Never shipped."""
