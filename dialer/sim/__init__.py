"""A pretend world in virtual time: a switch, the people who are called, the operators who work, a clock."""
