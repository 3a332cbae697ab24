"""Every size that reading a document is held to, in one place."""

MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_CONTENT_CHARACTERS = 500_000
"""Of a text that is given with the request, and read in it."""
MAX_PAGES = 2_000
MAX_CHARACTERS = 5_000_000
"""Of all chunks together: a book has one million."""
MAX_CHUNKS = 10_000
MAX_HEADING_CHARACTERS = 200
MAX_HEADINGS = 6
"""Levels of headings that are kept; the innermost ones."""

TARGET_CHARACTERS = 900
"""Paragraphs under one heading are joined up to this: enough to answer with, little enough to be about one thing."""
MOST_CHARACTERS = 1_500
"""A paragraph that is longer is cut at the ends of its sentences."""

MEMORY_BYTES = 1024 * 1024 * 1024
"""Address space of the process that reads a file."""
CPU_SECONDS = 60
WALL_SECONDS = 120
OUTPUT_BYTES = 64 * 1024 * 1024

PAGE_SECONDS = 30.0
PAGE_BYTES = 10_000_000
