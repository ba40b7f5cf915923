"""Each satisfies a port by shape and knows one technology."""
