"""Lists as people have them, drawn by the thousand, and what the reader makes of each."""
