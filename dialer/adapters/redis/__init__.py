"""Live state in Redis, and the wire between processes."""
