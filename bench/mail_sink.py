"""A mail server on loopback that takes everything and keeps nothing: prints its port, and serves until it is ended."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP


class Nowhere:
    """Takes every mail, and several commands at once, as the mail servers in use do (RFC 2920)."""

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802 - aiosmtpd's name
        """Greet. aiosmtpd reads command after command, however many come at once, and does not say so."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

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
