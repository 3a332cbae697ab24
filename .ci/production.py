"""Runs a command of manage.py on production-like settings: https, a named host, own database, throw-away secrets."""

import base64
import os
import secrets
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "VAULT_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "ALLOWED_HOSTS": "backroom.example",
    "PUBLIC_URL": "https://backroom.example",
    # Nobody listens here: these commands need no database, they only read the address.
    "DATABASE_URL": "postgres://backroom_app@127.0.0.1:1/backroom",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}

os.chdir(CHECKOUT)
command = [sys.executable, "-W", "ignore:Got an error checking", "manage.py", *sys.argv[1:]]
os.execve(sys.executable, command, os.environ | PRODUCTION)  # noqa: S606 - no shell is meant
