"""Starting smtp_server.py and webhook_server.py, and a certificate of one's own. All waits are on pipes and bounded."""

import json
import pathlib
import select
import subprocess
import sys

WAIT_SECONDS = 30


class Server:
    """with Server("rcpt550") as server: ... server.url ...; after it, server.events is what happened."""

    script, scheme = "smtp_server.py", "smtp"

    def __init__(self, mode, *arguments):
        script = pathlib.Path(__file__).with_name(self.script)
        self.process = subprocess.Popen([sys.executable, "-B", str(script), mode, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if not select.select([self.process.stdout], [], [], WAIT_SECONDS)[0]:
            self.process.kill()
            raise TimeoutError("the scripted mail server does not start")
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        output, _ = self.process.communicate("", timeout=WAIT_SECONDS)
        self.events = [json.loads(line) for line in output.splitlines()]

    def count(self, event):
        return sum(e["event"] == event for e in self.events)

    def messages(self):
        return [e for e in self.events if e["event"] == "message"]


class Hook(Server):
    """The same for webhook_server.py."""

    script, scheme = "webhook_server.py", "http"

    def requests(self):
        return [e for e in self.events if e["event"] == "request"]


def make_certificate(folder):
    """A certificate for localhost that is its own authority."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out",
                    f"{folder}/cert.pem"], check=True, stderr=subprocess.DEVNULL)
    return f"{folder}/cert.pem", f"{folder}/key.pem"


def drive(driver, *arguments, code=0):
    """Runs the driver; its output as JSON lines, or its message if it is to fail."""
    done = subprocess.run([driver, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()] if code == 0 else done.stderr
