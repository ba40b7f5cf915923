"""A private real world on loopback: an Asterisk of its own, a fake carrier and fake phones."""
