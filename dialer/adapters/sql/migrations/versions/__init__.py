"""One module per migration; names begin with a number, and revisions sort."""
