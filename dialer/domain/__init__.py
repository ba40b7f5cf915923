"""The pure core: what is decided, never how it is done."""
