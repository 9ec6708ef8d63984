"""echo_server: a task of asyncio and a logger for each connection.

However many connections are open, the process has one connection to the daemon. What is known of a
connection is its logger's context, which all its records carry; nothing of it stays when `with`
ends. No call waits for the daemon, so that none holds up the loop.
"""

import asyncio
import itertools

import logfwd

numbers = itertools.count(1)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")
    context = {"peer": f"{host}:{port}"}
    with logfwd.getLogger(f"Connection.{next(numbers)}", context=context) as log:
        log.info("open")
        try:
            total = await echo(reader, writer, log)
        except ConnectionError:
            log.exception("lost")
        else:
            log.info("closed after %d bytes", total)
        writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
               log: logfwd.Logger) -> int:
    total = 0
    while data := await reader.read(4096):
        log.debug("%d bytes", len(data))
        writer.write(data)
        await writer.drain()
        total += len(data)
    return total


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
