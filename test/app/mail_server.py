"""test/outreach's mail server that fails as told, within the test's process: it can be down, and up again where it was."""
import asyncio
import contextlib
import os
import re
import socket
import sys
import threading
from types import SimpleNamespace

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "test", "outreach"))
import smtp_server  # noqa: E402


class Session(smtp_server.Session):
    """Fails as the recipient's name says, if it is the name of a mode; slow@ is answered late."""

    def __init__(self, plan, reader, writer):
        super().__init__(plan, reader, writer)
        self.plan, self.slow = plan, False

    async def on_rcpt(self, text):
        name = text.split("<")[1].split("@")[0]
        self.slow = name == "slow"
        self.server = self.plan if name in ("ok", "slow") or name not in smtp_server.__doc__ else self.failing(name)
        return await super().on_rcpt(text)

    def failing(self, mode):
        """A connection carries many messages: this holds for the one that is under way."""
        return SimpleNamespace(**{**vars(self.plan), "mode": mode})

    async def on_data(self, text):
        if self.slow:
            await self.answer("354 go on")
            data = await self.read_message()
            self.taken(data)
            await asyncio.sleep(2)
            return await self.answer("250 2.0.0 taken")
        return await super().on_data(text)

    def taken(self, data):
        smtp_server.say(event="message", to=self.recipients, data=data.decode("latin-1"))


class MailServer:
    """test/outreach's server in a thread, at a port that stays the same when it is down."""

    def __init__(self):
        smtp_server.happened.clear()           # it is the module's
        self.plan = SimpleNamespace(mode="ok", limit=1 << 30, seen=set(), tls=None)
        self.port = self.free_port()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.listener = None

    @staticmethod
    def free_port():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(harness.WAIT_S)

    async def session(self, reader, writer):
        session = Session(self.plan, reader, writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await session.run()
        finally:
            writer.close()

    def up(self):
        self.listener = self.wait(asyncio.start_server(self.session, "127.0.0.1", self.port))

    def down(self):
        self.listener.close()

    def close(self):
        if self.listener:
            self.down()
        self.wait(self.end_sessions())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def end_sessions(self):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def settings(self):
        """Of [mail], for a service that is to use it."""
        return {"transport": "smtp", "smtp_tls": "none", "smtp_url": "smtp://127.0.0.1:%d" % self.port}

    def arrived(self):
        return [event for event in list(smtp_server.happened) if event["event"] == "message"]

    def recipients(self):
        return [message["to"][0].split("@")[0] for message in self.arrived()]

    def message_ids(self):
        return [re.search(r"Message-ID: (\S+)", message["data"])[1] for message in self.arrived()]
