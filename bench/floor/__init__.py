"""A scenario on the real Asterisk beside the same scenario in the simulator."""
