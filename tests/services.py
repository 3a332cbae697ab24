"""pytest plugin: a throw-away PostgreSQL and Valkey for this run, before Django reads its settings.

`-p tests.services` imports it first. DATABASE_URL in the environment switches it off; pytest-xdist's workers inherit
the servers of their starter and get two Redis databases each. The servers end, and their folder goes, with this process, however it ends.
"""

import atexit
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from config import embedded, environment
from tests import migrated

# Also where the environment asks for none (images of containers do): compiling the tests anew takes each worker 12 s.
sys.dont_write_bytecode = False


def start() -> None:
    """Start the servers and point the environment at them."""
    folder = Path(tempfile.mkdtemp(prefix="backroom-test-"))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    (folder / "static").mkdir()  # whitenoise warns when it is missing
    os.environ["DATA_DIR"] = str(folder)
    os.environ.pop("REDIS_URL", None)
    stack = ExitStack()
    stack.enter_context(embedded.servers(throw_away=True, linger=10))
    atexit.register(stack.close)
    sockets = embedded.database()["HOST"]
    os.environ["SECRET_KEY"] = embedded.secret("SECRET_KEY")
    os.environ["VAULT_KEYS"] = embedded.secret("VAULT_KEYS")
    os.environ["DATABASE_URL"] = f"postgres://backroom_app@/backroom?host={sockets}"
    os.environ["DATABASE_OWNER_URL"] = f"postgres://backroom_owner@/backroom?host={sockets}"
    os.environ["REDIS_URL"] = embedded.redis_url(0).partition("?")[0]
    os.environ["TEST_SOCKETS"] = sockets
    if migrated.restore(sockets):
        os.environ["TEST_TEMPLATE"] = migrated.DATABASE


def take_own_redis(worker: str) -> None:
    """Give one of pytest-xdist's workers (``gw0``, ``gw1`` …) a broker and a cache that no other test touches."""
    before = 2 * (1 + int(worker.removeprefix("gw")))
    os.environ["REDIS_URL"] = environment.redis_database(os.environ["REDIS_URL"], before)


if WORKER := os.environ.get("PYTEST_XDIST_WORKER"):
    take_own_redis(WORKER)
elif not os.environ.get("DATABASE_URL"):
    start()
