"""How gunicorn serves: threads, because requests wait for the database; two processes, because Python does."""

import os
import signal
from typing import Any

from prometheus_client import multiprocess

from config.embedded.process import die_with_parent
from config.environment import web_workers

# The supervisor passes its listening socket, so that a restart of the web refuses nobody.
_listener = os.environ.get("BACKROOM_LISTENER")
bind = f"fd://{_listener}" if _listener else f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
wsgi_app = "config.wsgi"
worker_class = "gthread"
workers = web_workers(os.environ.get("WEB_WORKERS", ""))
threads = 4
timeout = 60  # seconds without a sign of life before a worker is replaced
graceful_timeout = 4
keepalive = 15
preload_app = True
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's heartbeat, no data
loglevel = "warning"
# Connections come from this machine or from TRUSTED_PROXIES, which Django's settings judge.
forwarded_allow_ips = ""
MOST_DISCARDED = 64 * 1024
"""Bytes of an unread body beyond which gunicorn closes the connection (`_DRAIN_MAX_BYTES` in gunicorn/http/parser.py)."""
limit_request_line = 8190  # bytes; the most gunicorn knows, so that long questions are refused in the API's own words


def post_fork(server: Any, worker: Any) -> None:
    """A worker must not outlive a killed master; and it sees whether checks of health are still made."""
    die_with_parent(signal.SIGTERM)
    from reports.silence import watch  # the settings stand by now

    watch()


def pre_request(_worker: Any, request: Any) -> None:
    """Say ``Connection: close`` in the answer to a body that gunicorn may not discard, as when it is refused unread.

    Without it a client would send its next request over a connection that is being closed.
    """
    headers = dict(request.headers)
    if "TRANSFER-ENCODING" in headers or int(headers.get("CONTENT-LENGTH", 0)) >= MOST_DISCARDED:
        request.force_close()


def child_exit(server: Any, worker: Any) -> None:
    """Forget the live gauges of a dead worker."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)
