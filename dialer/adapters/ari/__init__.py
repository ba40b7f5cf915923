"""Asterisk's REST interface: the link, its requests, its events."""
