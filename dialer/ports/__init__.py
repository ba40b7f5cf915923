"""Every protocol that the engine, the office and the faces need: Asterisk, stores, what is between."""
