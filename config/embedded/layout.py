"""Where the embedded servers keep their files: functions of DATA_DIR and the user, none needs a running server."""

import base64
import hashlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SHARED_HOME = Path("/var/lib/backroom")
FREE_BYTES_NEEDED = 200 * 1024 * 1024


class StartError(Exception):
    """Something the person at the keyboard can mend; its text is the one line they read."""


def data_dir() -> Path:
    """The folder of everything this checkout stores: DATA_DIR, else `.data`; a relative path counts from the checkout."""
    return CHECKOUT / (os.environ.get("DATA_DIR") or ".data")


def digest() -> str:
    """Ten hex digits that name this data directory in places shared with other checkouts."""
    return hashlib.sha256(os.fsencode(data_dir())).hexdigest()[:10]


def socket_dir() -> Path:
    """The folder of the unix sockets: short, because a socket's path may have 107 bytes only.

    Not XDG_RUNTIME_DIR: it goes away at logout and is missing under cron, and every command must compute the same place.
    """
    if os.geteuid() == 0:
        return Path("/run/backroom") / digest()
    return Path("/tmp") / f"backroom-{os.geteuid()}-{digest()}"  # noqa: S108 - private, and checked before use


def cluster_home() -> Path:
    """The folder that holds `postgres/` and `valkey/`: DATA_DIR, or the place which `DATA_DIR/cluster` names."""
    note = data_dir() / "cluster"
    return Path(note.read_text().strip()) if note.exists() else data_dir()


def database() -> dict[str, str]:
    """NAME, USER, HOST, PORT and OWNER of Django's database settings for the embedded cluster."""
    return {
        "NAME": "backroom",
        "USER": "backroom_app",
        "OWNER": "backroom_owner",
        "HOST": str(socket_dir()),
        "PORT": "5432",
    }


def redis_url(database: int) -> str:
    """The address of one numbered database of the embedded Valkey."""
    return f"unix://{socket_dir()}/redis.sock?db={database}"


def secret(name: str) -> str:
    """The secret of this name, made once. Raises StartError when this user may not read or write it."""
    path = data_dir() / "secrets" / name
    try:
        return path.read_text() if path.exists() else _store_once(path, _new_secret(name))
    except OSError as error:
        raise StartError(f"cannot read or make the secret {path}: {error.strerror}") from error


def _new_secret(name: str) -> str:
    """A random value in the form that the setting of this name wants."""
    if name == "VAULT_KEYS":
        return "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(9 if name == "DEMO_PASSWORD" else 48)


def _store_once(path: Path, value: str) -> str:
    """Write the value unless another process was first; return the one that stands. Never visible half-written."""
    prepare_data_dir()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()


def prepare_data_dir() -> None:
    """Make DATA_DIR and see that it can be written. Raises StartError."""
    folder = data_dir()
    try:
        # As root the servers run as another user, who must pass through; the files inside keep their own modes.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        for name in ("locks", "logs", "mail"):  # mail: login links stand in it
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        tempfile.TemporaryFile(dir=folder / "locks").close()
    except OSError as error:
        raise StartError(f"the data directory {folder} is not writable: {error.strerror}") from error


def check_free_space() -> None:
    """Raises StartError when less than 200 MB are free where the data lives."""
    for folder in {data_dir(), cluster_home()}:
        free = shutil.disk_usage(folder).free
        if free < FREE_BYTES_NEEDED:
            raise StartError(f"the disk of {folder} is full: {free >> 20} MB free, {FREE_BYTES_NEEDED >> 20} MB needed")
