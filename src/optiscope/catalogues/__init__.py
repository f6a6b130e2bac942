"""The catalogues: plain tuples of specs that a reader can scan. To add an entry, add a line."""
