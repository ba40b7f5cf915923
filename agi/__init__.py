"""FastAGI: what operators do by the keys of their phones."""
