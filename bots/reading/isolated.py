"""Reading a file in a process of its own: hostile ones cost that process its life and nobody anything else."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bots.reading import limits
from bots.reading.chunks import Chunk
from bots.reading.kinds import MEDIA_TYPES
from bots.reading.problems import UnreadableDocument

ROOT = Path(__file__).resolve().parent.parent.parent
_EXIT_ERROR = 1
"""Python's own, when an exception was not caught: the libraries raise all kinds for a damaged file."""


class ReadDocument(NamedTuple):
    """What came out of a file."""

    media_type: str
    chunks: list[Chunk]


def read_file(path: Path, *, name: str, charset: str = "") -> ReadDocument:
    """Return what is in a file called ``name``; raises ``UnreadableDocument``.

    The process has no environment, so no secret, and ends after ``limits.WALL_SECONDS``.
    """
    if not path.exists():
        raise UnreadableDocument("file_gone")
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "bots.reading", str(path.resolve()), name, charset]
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                cwd=ROOT,
                env={"PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                timeout=limits.WALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnreadableDocument("too_costly") from None
        output.seek(0)
        return _result(done.returncode, output.read())


def _result(exit_code: int, output: bytes) -> ReadDocument:
    if exit_code:  # a negative one is the signal that ended it: its limits, most likely
        raise UnreadableDocument("broken" if exit_code == _EXIT_ERROR else "too_costly")
    found = json.loads(output)
    if "error" in found:
        raise UnreadableDocument(found["error"])
    return ReadDocument(MEDIA_TYPES[found["kind"]], [Chunk(tuple(path), text) for path, text in found["chunks"]])
