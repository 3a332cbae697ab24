"""PostgreSQL and Valkey inside the checkout, for everybody who has not set DATABASE_URL and REDIS_URL.

`layout` says where things are, `keeper` runs the servers, `users` is how a command gets them for its own time.
"""

from config.embedded.layout import StartError, data_dir, database, redis_url, secret
from config.embedded.users import servers

__all__ = ["StartError", "data_dir", "database", "redis_url", "secret", "servers"]
