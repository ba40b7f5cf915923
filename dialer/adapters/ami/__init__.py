"""Asterisk's manager interface, read only."""
