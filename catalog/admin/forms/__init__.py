"""Forms of the catalogue's pages: they check what was typed, at its field, and hand it to the services."""
