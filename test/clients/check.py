"""Real clients against the collector: usage: check.py COLLECTOR_TEST [CLIENTS]

Starts the test server (`collector_test --serve`, whose log is a fake that prints what is durable), runs
segment_check.mjs against it, and compares the two lists of lines. Needs `npm ci` in test/clients, node and chromium;
exit code 77 when one is missing.
"""
import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
WAIT_S = 20


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Service:
    """The test server, and the lines that it has printed so far."""

    def __init__(self, binary, origin):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([binary, "--serve", origin], stdin=pipe, stdout=pipe, text=True)
        self.facts = json.loads(self.process.stdout.readline())
        self.rows, self.changed = [], threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.rows.append(json.loads(line))
                self.changed.notify_all()

    def wait_for(self, count):
        """What a page sends while it goes may come after the client's end."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.rows) >= count, WAIT_S)

    def close(self):
        self.process.stdin.close()
        self.reader.join()
        return self.process.wait()


def matches(expected, row):
    return all(row.get(name) == value for name, value in expected.items() if name != "client")


def compare(sent, rows):
    """Each line sent is a row of its own; a row more is good only where a client may have sent it again."""
    missing, rest = [], list(rows)
    for line in sent:
        found = next((row for row in rest if matches(line, row)), None)
        if found is None:
            missing.append(line)
        else:
            rest.remove(found)
    repeated = {row["message_id"] for row in rows if "message_id" in row}
    more = [row for row in rest if not (row.get("message_id") in repeated and rows.count(row) > 1)]
    return missing, more


def main():
    binary, clients = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "node,next,maxcart"
    if not shutil.which("node"):
        skip("there is no node")
    if not (HERE / "node_modules/playwright-core").exists():
        skip("run npm ci in test/clients first")
    if clients != "node" and not Path("/usr/bin/chromium").exists():
        skip("there is no /usr/bin/chromium")
    port = free_port()
    service = Service(binary, f"http://127.0.0.1:{port}")
    facts = service.facts
    command = ["node", HERE / "segment_check.mjs", facts["url"], facts["server_key"], facts["browser_key"]]
    command += ["--only", clients, "--page-port", str(port)]
    client = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    sent = [json.loads(line) for line in client.stdout.splitlines()]
    expected = [line for line in sent if "ignored" not in line]
    service.wait_for(len(expected))
    server_code = service.close()
    missing, more = compare(expected, service.rows)
    for line in missing:
        print("not there:", json.dumps(line))
    for row in more:
        print("not sent: ", json.dumps(row))
    good = client.returncode == 0 and server_code == 0 and sent and not missing and not more
    print(f"{len(sent)} calls and rows of {clients}, {len(service.rows)} there: {'good' if good else 'BAD'}")
    sys.exit(0 if good else 1)


main()
