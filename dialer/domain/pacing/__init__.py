"""Pacing: how many lines to dial, for whom, and which ringing calls to give up."""
