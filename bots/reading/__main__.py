"""The process that reads one file: ``python -m bots.reading PATH NAME CHARSET`` writes what it found as JSON.

It binds itself before it looks at the file; whoever starts it gave it no secrets.
"""

import json
import resource
import sys
from pathlib import Path

from django.conf import settings

from bots.reading import limits


def _bind() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.MEMORY_BYTES, limits.MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.CPU_SECONDS, limits.CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.OUTPUT_BYTES, limits.OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(path: str, name: str, charset: str) -> dict[str, object]:
    settings.configure(USE_I18N=False)  # what is read below names its messages when it is loaded
    from bots.reading.kinds import read_document
    from bots.reading.problems import UnreadableDocument

    try:
        kind, chunks = read_document(Path(path), name=name, charset=charset)
    except UnreadableDocument as error:
        return {"error": error.code}
    except (MemoryError, RecursionError):
        return {"error": "too_costly"}
    return {"kind": kind, "chunks": chunks}


if __name__ == "__main__":
    _bind()
    json.dump(_read(*sys.argv[1:]), sys.stdout, ensure_ascii=False)
