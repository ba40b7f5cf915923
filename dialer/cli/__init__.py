"""The command line: one module per noun, `main` puts them together."""
