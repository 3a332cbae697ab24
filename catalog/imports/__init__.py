"""Catalogue files: reading them (`open_rows`) into normalised rows that can be staged and applied."""
