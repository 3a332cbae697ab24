"""The migrated database, kept between runs: making its tables anew is most of a short run's time.

A dump of it stands in `.data/tests/`, named by what the tables come from. With it a run restores one database, and
Django copies that for each worker; `migrate` then finds nothing left to do.
"""

import hashlib
import subprocess
from pathlib import Path

import psycopg

from config.embedded.postgres import OWNER, bin_dir

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "migrated"
SOURCES = (
    "*/migrations/*.py",
    "*/postgres/*.py",
    "*/fixtures/*",
    "catalog/search/signs.py",
    "config/embedded/postgres.py",
    "requirements.txt",
)

EMPTIED = "schemaname = 'public' AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"


def dump_file() -> Path:
    """Return where the dump for the checkout as it is stands, or would."""
    digest = hashlib.sha256()
    for file in sorted(file for pattern in SOURCES for file in ROOT.glob(pattern)):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return ROOT / ".data" / "tests" / f"{digest.hexdigest()[:16]}.dump"


def restore(sockets: str) -> bool:
    """Make ``DATABASE`` from the dump, if there is one; False when there is none."""
    if not (dump := dump_file()).exists():
        return False
    with psycopg.connect(f"host={sockets} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0")
    command = [bin_dir() / "pg_restore", "--exit-on-error", "-j", "2", "-h", sockets, "-U", "postgres", "-d", DATABASE, dump]
    subprocess.run(command, check=True, timeout=120)
    return True


def keep(sockets: str, database: str) -> None:
    """Dump the database that was just migrated for the next run, and drop the dumps of other checkouts."""
    dump = dump_file()
    if dump.exists():
        return
    dump.parent.mkdir(parents=True, exist_ok=True)
    draft = dump.with_suffix(f".{database}")
    command = [
        bin_dir() / "pg_dump",
        "--format=custom",
        "--compress=1",
        "-h",
        sockets,
        "-U",
        "postgres",
        "-f",
        draft,
        database,
    ]
    subprocess.run(command, check=True, timeout=120)
    for old in dump.parent.glob("*.dump"):
        old.unlink(missing_ok=True)
    draft.replace(dump)


def empty(sockets: str, database: str) -> None:
    """Take every row of ours away, as after a test that commits, in a twentieth of the time.

    TRUNCATE makes some 700 files anew, and Django then makes its content types again, which nobody has changed.
    Triggers and keys stay silent: all there is goes at once.
    """
    with psycopg.connect(f"host={sockets} user=postgres dbname={database}", autocommit=True) as connection:
        tables = connection.execute(f"SELECT quote_ident(tablename) FROM pg_tables WHERE {EMPTIED}").fetchall()
        look = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for (table,) in tables)
        filled = connection.execute(look).fetchall()
        deletes = "; ".join(f"DELETE FROM {table}" for (table,) in filled)
        connection.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes}; COMMIT")
