"""A mail server on loopback that takes everything and keeps nothing: prints its port, and serves until it is ended."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP


class Nowhere:
    """Takes every mail."""

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one."""
        return "250 OK"


async def serve() -> None:
    """Listen on a free port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Nowhere(), hostname="sink", loop=loop), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
