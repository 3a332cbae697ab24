"""As root the servers run as a system user of their own: PostgreSQL refuses to run as root, and nothing should.

That user may be unable to reach the checkout (a home folder is 0700, and opening it up is not ours to do). Then the
data lives under /var/lib/backroom, `DATA_DIR/cluster` says where, and the programs are copied there too.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from config.embedded import layout

NAME = "backroom"


@dataclass(frozen=True)
class Account:
    """The user that a server runs as."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The system user for the servers, made when missing; None when we are an ordinary user and need no other."""
    if os.geteuid() != 0:
        return None
    for _ in range(20):  # another checkout may be making it at this moment
        try:
            entry = pwd.getpwnam(NAME)
            return Account(entry.pw_uid, entry.pw_gid)
        except KeyError:
            _make_user()
    raise layout.StartError(f"cannot make the system user {NAME}: run `useradd --system {NAME}` and try again")


def _make_user() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:  # noqa: S603 - fixed words
            time.sleep(0.2)
    except FileNotFoundError as error:
        raise layout.StartError(f"as root the system user {NAME} is needed, and useradd is missing") from error


def settle_cluster_home(account: Account | None) -> Path:
    """Decide at the first start where the servers' files live, and make the folder."""
    home = layout.cluster_home()
    unfit = _is_a_copy(home) if home != layout.data_dir() else not reachable(home)
    if account and unfit:
        home = _shared_home()
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    return home


def _shared_home() -> Path:
    """A place of our own under /var/lib/backroom, noted on both sides."""
    home = layout.SHARED_HOME / layout.digest()
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    for folder in (layout.SHARED_HOME, home):
        if not reachable(folder):
            folder.chmod(0o711)  # a strict umask
    (home / "data-dir").write_text(f"{layout.data_dir()}\n")
    (layout.data_dir() / "cluster").write_text(f"{home}\n")
    return home


def _is_a_copy(home: Path) -> bool:
    """Whether the place belongs to another checkout that still stands, so that ours is a copy of that one."""
    note = home / "data-dir"
    if not note.exists():
        return False
    owner = Path(note.read_text().strip())
    return owner != layout.data_dir() and (owner / "cluster").exists()


def reachable(path: Path) -> bool:
    """Whether any user may pass through every folder above the path, and through or into the path itself."""
    return barrier_before(path) is None


def barrier_before(path: Path) -> Path | None:
    """The first folder above the path, or the path itself, that not every user may enter; None when they may reach it."""
    steps = (*reversed(path.resolve().parents), path)
    return next((step for step in steps if not step.stat().st_mode & stat.S_IXOTH), None)


def make_private(folder: Path, account: Account | None) -> None:
    """Make a folder that only the servers' user may enter; refuse one that somebody else put there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account and folder.stat().st_uid == 0:
        os.chown(folder, account.uid, account.gid)
    found = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise layout.StartError(f"{folder} is not a private folder of the servers' user: remove it and start again")


def usable_copy(tree: Path, siblings: tuple[str, ...], label: str, program: str, account: Account | None) -> Path:
    """The program inside an installed package, or in a copy of the package which the servers' user can reach.

    `siblings` are folders beside the package that its libraries live in: relative paths between them must survive.
    """
    if account is None:
        return tree / program
    if reachable(tree / program):
        return (tree / program).resolve()  # not through a link that stands in a folder the user cannot enter
    target = layout.SHARED_HOME / label
    if not target.exists():
        _copy(tree.parent, (tree.name, *siblings), target)
    if barrier := barrier_before(target / tree.name / program):
        raise layout.StartError(f"the system user {NAME} cannot enter {barrier}: run `chmod a+x '{barrier}'` and try again")
    return target / tree.name / program


def _copy(source: Path, names: tuple[str, ...], target: Path) -> None:
    """Copy into a draft folder and rename: a half copy is never used, and the first of two wins."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if barrier_before(target.parent) == target.parent:
        target.parent.chmod(0o755)  # a strict umask
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    for name in names:
        shutil.copytree(source / name, draft / name, symlinks=True)
    draft.chmod(0o755)
    _open(draft)
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)


def _open(tree: Path) -> None:
    """Let every user read what is in a copy and enter its folders: it may have been installed under a strict umask."""
    for path in tree.rglob("*"):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))
