"""Processes of one machine: what the engine shows and answers, over a socket in the data folder."""
