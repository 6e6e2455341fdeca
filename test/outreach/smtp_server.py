"""A mail server that fails as told, on a free port of the loopback, for the tests of src/outreach/smtp.c and mailer.c.

    smtp_server.py MODE [--limit N] [--tls CERT KEY]

Prints "PORT n". When its standard input is closed it prints one JSON line for each thing that happened, and ends:
{"event": "connect"}, {"event": "message", "from", "to", "tls", "auth", "data"}. MODE:

    ok              takes everything
    greet421        421 at the greeting                 greet554      554 there
    mail550         550 to MAIL                         rcpt450       450 to RCPT
    rcpt550         550 5.1.1 to RCPT                   rcpt5507      550 5.7.1 to RCPT
    data451         451 to DATA                         data554       554 to DATA
    end451          451 after the final dot             end554        554 after the final dot
    drop_mail       closes at MAIL                      drop_data     closes in the middle of the message
    drop_end        takes the message and closes without an answer
    limit_close     closes silently after --limit messages
    limit421        421 to MAIL after --limit messages  limit452      452 to MAIL after --limit messages
    auth            530 to MAIL without AUTH PLAIN user/secret, 535 for another password
    starttls        offers STARTTLS, and 530 to MAIL without it
    once_rcpt450    450 to the first RCPT of each address, then 250
"""

import argparse
import asyncio
import base64
import json
import ssl
import sys


happened = []  # told at the end: a pipe that nobody reads yet would fill


def say(**event):
    happened.append(event)


class Session:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.tls = False
        self.auth = False
        self.messages = 0
        self.sender = None
        self.recipients = []

    async def answer(self, text):
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def run(self):
        say(event="connect")
        greeting = {"greet421": "421 4.3.2 too busy", "greet554": "554 5.3.2 no service"}
        mode = self.server.mode
        await self.answer(greeting.get(mode, "220 test.example ESMTP"))
        if mode in greeting:
            return
        while True:
            line = await self.reader.readline()
            if not line:
                return
            text = line.decode("latin-1").strip()
            verb = text.split(" ")[0].upper()
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                await self.answer("502 5.5.1 unknown")
            elif await handler(text) is False:
                return

    async def on_ehlo(self, text):
        lines = ["test.example", "8BITMIME", "SIZE 10000000", "ENHANCEDSTATUSCODES"]
        if self.server.tls and not self.tls:
            lines.append("STARTTLS")
        if self.server.mode == "auth":
            lines.append("AUTH PLAIN LOGIN")
        for line in lines[:-1]:
            await self.answer("250-" + line)
        await self.answer("250 " + lines[-1])

    async def on_helo(self, text):
        await self.answer("250 test.example")

    async def on_starttls(self, text):
        await self.answer("220 go")
        await self.writer.start_tls(self.server.tls) if hasattr(self.writer, "start_tls") else await self.upgrade()
        self.tls = True

    async def upgrade(self):
        """StreamWriter.start_tls is newer than Debian 12's Python."""
        loop = asyncio.get_running_loop()
        transport = self.writer.transport
        protocol = transport.get_protocol()
        secured = await loop.start_tls(transport, protocol, self.server.tls, server_side=True)
        self.reader._transport = secured
        self.writer = asyncio.StreamWriter(secured, protocol, self.reader, loop)

    async def on_auth(self, text):
        words = text.split(" ")
        if len(words) < 3:
            await self.answer("334 ")
            words.append((await self.reader.readline()).decode().strip())
        given = base64.b64decode(words[2])
        self.auth = given.endswith(b"\0user\0secret")
        await self.answer("235 2.7.0 welcome" if self.auth else "535 5.7.8 bad credentials")

    async def on_mail(self, text):
        mode, spent = self.server.mode, self.messages >= self.server.limit
        if mode == "drop_mail":
            return False
        answer = "250 2.1.0 fine"
        if mode == "mail550":
            answer = "550 5.1.8 bad sender"
        elif mode == "auth" and not self.auth:
            answer = "530 5.7.0 authentication required"
        elif mode == "starttls" and not self.tls:
            answer = "530 5.7.0 STARTTLS first"
        elif mode == "limit421" and spent:
            await self.answer("421 4.7.0 too many messages in this connection")
            return False
        elif mode == "limit452" and spent:
            answer = "452 4.5.3 too many messages in this connection"
        self.sender = text.split("<")[1].split(">")[0]
        self.recipients = []
        await self.answer(answer)

    async def on_rcpt(self, text):
        address = text.split("<")[1].split(">")[0]
        answers = {
            "rcpt450": "450 4.2.1 mailbox busy",
            "rcpt550": "550 5.1.1 no such user",
            "rcpt5507": "550 5.7.1 blocked by policy",
        }
        answer = answers.get(self.server.mode, "250 2.1.5 fine")
        if self.server.mode == "once_rcpt450" and address not in self.server.seen:
            self.server.seen.add(address)
            answer = "450 4.7.1 greylisted"
        self.recipients.append(address)
        await self.answer(answer)

    async def read_message(self):
        lines = []
        while True:
            line = await self.reader.readline()
            if not line:
                return None
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
            if self.server.mode == "drop_data" and len(lines) == 3:
                return None

    async def on_data(self, text):
        mode = self.server.mode
        refused = {"data451": "451 4.3.0 later", "data554": "554 5.6.0 never"}
        if mode in refused:
            await self.answer(refused[mode])
            return True
        await self.answer("354 go on")
        data = await self.read_message()
        if data is None:
            return False
        ends = {"end451": "451 4.3.0 later", "end554": "554 5.6.0 never"}
        if mode not in ends:
            say(event="message", to=self.recipients, tls=self.tls, auth=self.auth, data=data.decode("latin-1"),
                **{"from": self.sender})
        self.messages += 1
        if mode == "drop_end":
            return False
        await self.answer(ends.get(mode, "250 2.0.0 taken"))
        return not (mode == "limit_close" and self.messages >= self.server.limit)

    async def on_rset(self, text):
        await self.answer("250 2.0.0 fine")

    async def on_quit(self, text):
        await self.answer("221 2.0.0 bye")
        return False


class Server:
    def __init__(self, arguments):
        self.mode = arguments.mode
        self.limit = arguments.limit
        self.seen = set()
        self.tls = None
        if arguments.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*arguments.tls)

    async def session(self, reader, writer):
        session = Session(self, reader, writer)
        try:
            await session.run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            if self.mode == "drop_data":
                session.writer.transport.abort()
            session.writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("--limit", type=int, default=1 << 30)
    parser.add_argument("--tls", nargs=2)
    server = Server(parser.parse_args())
    listener = await asyncio.start_server(server.session, "127.0.0.1", 0)
    print("PORT", listener.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    listener.close()
    for event in happened:
        print(json.dumps(event))


if __name__ == "__main__":
    asyncio.run(main())
