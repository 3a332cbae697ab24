"""Every size the import of a catalogue file is held to, in one place."""

MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_ROWS = 500_000
MAX_COLUMNS = 1_000
#: Characters of one record with all its quoted line breaks. Beyond it the file is given up: the
#: likeliest cause is a quote that never closes, and then nothing behind it can be trusted.
MAX_RECORD_CHARACTERS = 4 * 1024 * 1024
#: Characters of one cell. Beyond it only that row is refused.
MAX_CELL_CHARACTERS = 1024 * 1024
MAX_CODE_CHARACTERS = 255
MAX_NAME_CHARACTERS = 500
MAX_CATEGORY_CHARACTERS = 200
MAX_TAG_CHARACTERS = 100
MAX_URL_CHARACTERS = 2_000
#: Sanitising deeply nested HTML takes quadratic time: this keeps one cell under a quarter of a second.
MAX_DESCRIPTION_CHARACTERS = 50_000
#: What a message shows of the offending value.
MAX_SHOWN_CHARACTERS = 100
MAX_MADE_SKU_CHARACTERS = 120
#: `numeric(19,4)`: the columns money is stored in.
MAX_MONEY_DECIMALS = 4
MAX_MONEY_WHOLE_DIGITS = 15
MAX_QUANTITY = 2_147_483_647

#: What a workbook may be unpacked: much, but not out of nearly nothing. Sheets pack to a tenth, at most to a hundredth.
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
FREE_UNPACKED_BYTES = 16 * 1024 * 1024
MAX_PACKING = 200
#: The texts that the cells of a workbook share stay in memory.
MAX_SHARED_TEXT_BYTES = 96 * 1024 * 1024
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
MAX_MERGED = 50_000
#: Rows of a sheet that may stand above its header.
MAX_ROWS_ABOVE_HEADER = 50
#: Pages of one import from the web: at half a minute each, an hour and a half at worst.
MAX_PAGES = 200
