"""Every size a report's file is held to beside those of any table (`catalog.imports.limits`)."""

MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_ROWS = 200_000
MAX_TABLES = 50
MAX_NAME_CHARACTERS = 200
#: What is kept of one cell.
MAX_CELL_CHARACTERS = 10_000
#: Rows at a table's beginning among which its header is looked for.
SAMPLE_ROWS = 200
