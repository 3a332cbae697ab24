"""A throw-away PostgreSQL and Valkey for a run: set up as users have them, so unlike the tests' one it waits for its disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

from config import embedded
from config.embedded import layout

FOREIGN = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "VAULT_KEYS")
"""Settings that would point to an installation in use."""


@contextmanager
def installation() -> Iterator[None]:
    """Start the servers, set Django up and migrate; delete everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="backroom-bench-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)  # as root the servers run as another user
    for name in FOREIGN:
        os.environ[name] = ""  # an empty one is not overwritten by .env
    os.environ |= {"DATA_DIR": str(folder), "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ["API_RATE"] = "1000000/min"  # requests are timed here, not counted
    try:
        with embedded.servers(linger=20):
            django.setup()
            call_command("migrate", verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            yield
            connection.close()
    finally:
        for place in (layout.cluster_home(), layout.socket_dir(), folder):
            shutil.rmtree(place, ignore_errors=True)


def settle(*tables: str) -> None:
    """Vacuum and analyse, as autovacuum does within a minute; all tables when none is named."""
    with connection.as_owner(), connection.cursor() as cursor:
        for table in tables or ("",):
            cursor.execute(f"VACUUM ANALYZE {table}")
