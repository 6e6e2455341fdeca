"""Several couriers beside one thread that owns the ledger: each message is handed over once, whatever the servers do.

    courier_check.py PATH-OF-outreach_crew [MESSAGES]
"""

import asyncio
import collections
import pathlib
import subprocess
import sys
import tempfile

from scripted import Hook, Server, drive

CREW = sys.argv[1]
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 2000


def crew(couriers, messages, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        return drive(CREW, f"{folder}/s.db", str(couriers), str(messages), *arguments)[0]


def recipients(server):
    return collections.Counter(m["to"][0] for m in server.messages())


def users(count):
    return collections.Counter(f"u{i:03d}@example.com" for i in range(count))


def check_aiosmtpd():
    """A server that others wrote, 4 couriers: all of them, once each, and little is left in between."""
    from aiosmtpd.controller import UnthreadedController

    class Count:
        def __init__(self):
            self.seen = collections.Counter()

        async def handle_DATA(self, server, session, envelope):
            self.seen.update(envelope.rcpt_tos)
            return "250 2.0.0 kept"

    async def run(folder):
        count = Count()
        controller = UnthreadedController(count, hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop())
        server = await controller._create_server()
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(CREW, f"{folder}/s.db", "4", str(MESSAGES),
                                                       f"url=smtp://127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE)
        output, _ = await asyncio.wait_for(process.communicate(), 100)
        server.close()
        return count.seen, output.decode()

    with tempfile.TemporaryDirectory() as folder:
        seen, output = asyncio.run(run(folder))
    assert seen == users(MESSAGES), (len(seen), seen.most_common(3))
    assert f'"states":{{"sent":{MESSAGES}}}' in output, output
    print("aiosmtpd, 4 couriers:", output.strip())


def check_limited_connections():
    """Servers that have enough of a connection: new ones, no failure, nothing twice."""
    for mode in ("limit_close", "limit421", "limit452"):
        with Server(mode, "--limit", "7") as server:
            run = crew(3, 200, f"url={server.url}")
        assert run["states"] == {"sent": 200} and recipients(server) == users(200), (mode, run)


def check_failing_servers():
    """Whatever goes wrong is written down for each message; what was handed over is never handed over again."""
    with Server("once_rcpt450") as server:
        run = crew(4, 60, f"url={server.url}")
    assert run["states"] == {"retry": 60} and not server.messages(), run
    with Server("rcpt550") as server:
        run = crew(4, 60, f"url={server.url}")
    assert run["states"] == {"bounced": 60}, run
    with Server("drop_end") as server:
        run = crew(4, 60, f"url={server.url}")
    assert run["states"] == {"unknown": 60} and recipients(server) == users(60), run
    for mode in ("greet421", "mail550"):
        with Server(mode) as server:
            run = crew(4, 60, f"url={server.url}", "in_flight=16")
        tried = run["outcomes"]["down"] + run["outcomes"]["refused"]
        assert 1 <= tried <= 16 and run["states"] == {"claimed": 44, "retry": 16}, (mode, run)


def check_rate_and_lateness():
    with Server("ok") as server:
        run = crew(4, 120, f"url={server.url}", "rate=50")
    newest = collections.Counter({f"u{i:03d}@example.com": 1 for i in range(70, 120)})
    assert run["states"] == {"claimed": 70, "sent": 50} and recipients(server) == newest, run


def check_stop():
    """Told to stop in the middle: what no courier got to goes back, nothing is left between."""
    with Server("ok") as server:
        run = crew(4, 400, f"url={server.url}", "stop_after=100", "in_flight=64")
    states = collections.Counter(run["states"])
    unknown = run["outcomes"]["unknown"]  # cut off behind the last byte
    assert states["sending"] == 0 and sum(states.values()) == 400, run
    assert 100 <= states["sent"] <= len(server.messages()) <= states["sent"] + unknown, run
    assert all(n == 1 for n in recipients(server).values())


def check_spool():
    with tempfile.TemporaryDirectory() as folder:
        run = crew(4, 500, f"spool={folder}/out", "batch=64", "in_flight=128")
        files = sorted(p.name for p in pathlib.Path(folder, "out").iterdir())
    assert run["states"] == {"sent": 500} and run["spooled"] == run["delays"] == 500, run
    assert len(files) == 500 and all(name.endswith(".eml") and not name.startswith(".") for name in files)


def check_full_spool():
    """A folder that cannot be written is a server that is down: nothing is lost."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ln", "-s", "/proc", f"{folder}/out"], check=True)
        run = crew(2, 20, f"spool={folder}/out", "batch=4")
    assert run["states"] == {"retry": 20} and run["outcomes"]["down"] >= 1 and run["spooled"] == 0, run


def check_webhook():
    with Hook("200") as server:
        run = crew(4, 500, f"webhook={server.url}/hook")
    assert run["states"] == {"sent": 500}, run
    keys = collections.Counter(r["headers"]["idempotency-key"] for r in server.requests())
    assert len(keys) == 500 and set(keys.values()) == {1}


def main():
    check_aiosmtpd()
    check_limited_connections()
    check_failing_servers()
    check_rate_and_lateness()
    check_stop()
    check_spool()
    check_full_spool()
    check_webhook()
    print("couriers: each message once")


if __name__ == "__main__":
    main()
