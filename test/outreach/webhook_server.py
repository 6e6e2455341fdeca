"""A shop's service that answers as told, on a free port of the loopback, for the tests of src/outreach/webhook.c.

    webhook_server.py MODE [--tls CERT KEY]

Prints "PORT n". When its standard input is closed it prints one JSON line for each thing that happened, and ends:
{"event": "connect"}, {"event": "request", "method", "path", "headers", "body"}. MODE:

    NNN             answers with that status; 302 says Location: /elsewhere, 429 and 503 say Retry-After: 120
    once_NNN        the first request with each Idempotency-Key gets it, later ones 200
    drop_open       closes at once
    drop_headers    closes after the request's headers
    drop_end        takes the whole request, closes without an answer
    drop_second     the same, but only for the second request on a connection; the first gets 200
    hang            takes the whole request, never answers
    endless         200 with a body that does not end
    later_date      503, Retry-After as a date long from now
    path            as the path of the request says, one of the above
"""

import argparse
import asyncio
import json
import ssl
import sys

happened = []


def say(**event):
    happened.append(event)


class Session:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.requests = 0

    async def run(self):
        say(event="connect")
        while self.server.mode != "drop_open" and await self.one_request():
            pass

    async def one_request(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:] if line)}
        if self.server.mode == "drop_headers":
            return False
        body = await self.reader.readexactly(int(headers["content-length"]))
        say(event="request", method=method, path=path, headers=headers, body=body.decode())
        self.requests += 1
        return await self.answer(path.strip("/") if self.server.mode == "path" else self.server.mode, headers)

    async def answer(self, mode, headers):
        key = headers.get("idempotency-key")
        if mode == "drop_end" or (mode == "drop_second" and self.requests == 2):
            return False
        if mode == "hang":
            await self.reader.read()
            return False
        if mode == "endless":
            return await self.endless()
        status = 200 if mode == "drop_second" else 503 if mode == "later_date" else int(mode.split("_")[-1])
        if mode.startswith("once_") and key in self.server.seen:
            status = 200
        self.server.seen.add(key)
        extra = "Location: /elsewhere\r\n" if status == 302 else ""
        if mode == "later_date":
            extra = "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT\r\n"
        elif status in (429, 503):
            extra = "Retry-After: 120\r\n"
        text = b"" if status == 204 else b"said\nwords"
        self.writer.write(f"HTTP/1.1 {status} x\r\n{extra}Content-Length: {len(text)}\r\n\r\n".encode() + text)
        await self.writer.drain()
        return True

    async def endless(self):
        self.writer.write(b"HTTP/1.1 200 x\r\n\r\n")
        while True:
            self.writer.write(b"x" * 65536)
            await self.writer.drain()


class Server:
    def __init__(self, mode):
        self.mode = mode
        self.seen = set()

    async def session(self, reader, writer):
        try:
            await Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("--tls", nargs=2)
    arguments = parser.parse_args()
    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments.tls)
    listener = await asyncio.start_server(Server(arguments.mode).session, "127.0.0.1", 0, ssl=context)
    print("PORT", listener.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    listener.close()
    for event in happened:
        print(json.dumps(event))


if __name__ == "__main__":
    asyncio.run(main())
