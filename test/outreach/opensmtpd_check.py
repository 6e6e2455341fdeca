"""A mail server of others: Debian's OpenSMTPD takes what we hand over and relays it to the scripted server unchanged.

    opensmtpd_check.py PATH-OF-outreach_deliver PATH-OF-outreach_crew

It takes 100 messages a connection, then answers 452: one courier hands it 250, four 300, each once. OpenSMTPD has fixed
paths and needs root, so it runs in a mount namespace of its own with empty /var/spool and /run: no service of the machine
is touched. Where that cannot be, the test says so and is skipped (77).
"""

import collections
import contextlib
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from scripted import WAIT_SECONDS, Server, drive

SKIPPED = 77


def skip(why):
    print("skipped:", why)
    sys.exit(SKIPPED)


def enter_namespace():
    smtpd = shutil.which("smtpd", path="/usr/sbin")
    if smtpd is None:
        skip("opensmtpd is not installed")
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        skip("OpenSMTPD needs root and unshare")
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        skip("no mount namespace can be made here")
    mounts = "mount -t tmpfs none /var/spool && mount -t tmpfs none /run && exec \"$@\""
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", mounts, "sh", sys.executable, "-B", *sys.argv, "inside"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Log:
    """Its log, read as it comes: a full pipe would stop it."""

    def __init__(self, process):
        self.lines = queue.Queue()
        threading.Thread(target=self.read, args=(process.stderr,), daemon=True).start()

    def read(self, pipe):
        for line in pipe:
            self.lines.put(line.decode("utf-8", "replace"))
        self.lines.put(None)

    def wait_for(self, word, count):
        """The next `count` lines that hold the word."""
        found, seen = [], []
        while len(found) < count:
            line = self.lines.get(timeout=WAIT_SECONDS)
            if line is None:
                raise RuntimeError("OpenSMTPD ended: " + "".join(seen))
            seen.append(line)
            if word in line:
                found.append(line)
        return found


def wait_for_port(process, log, port):
    """Until it listens; between two tries we wait for its log, not for time to pass."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with contextlib.suppress(queue.Empty):
            log.lines.get(timeout=0.1)
    raise TimeoutError("OpenSMTPD does not listen")


def inside(driver, crew):
    with tempfile.TemporaryDirectory() as folder, Server("ok") as target:
        port = free_port()
        settings = pathlib.Path(folder, "smtpd.conf")
        settings.write_text(f'listen on 127.0.0.1 port {port}\n'
                            f'action "on" relay host "smtp://127.0.0.1:{target.port}"\n'
                            'match from any for any action "on"\n')
        process = subprocess.Popen(["/usr/sbin/smtpd", "-d", "-f", str(settings)], stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            log = Log(process)
            wait_for_port(process, log, port)
            answers = drive(driver, "smtp", f"smtp://127.0.0.1:{port}", "3", "tls=none")
            assert [a["outcome"] for a in answers] == ["accepted"] * 3, answers
            assert answers[-1]["connections"] == 1, answers
            log.wait_for('result="Ok"', 3)  # one for each message relayed
            check_many(log, crew, folder, port)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(WAIT_SECONDS)
    drive(driver, "mime", folder_of_mails() + "/m")
    check_unchanged(target.messages()[:3])


def check_many(log, crew, folder, port):
    for couriers, messages, connections in ((1, 250, 3), (4, 300, 3)):
        run = drive(crew, f"{folder}/{messages}.db", str(couriers), str(messages), f"url=smtp://127.0.0.1:{port}")[0]
        assert run["states"] == {"sent": messages} and run["connections"] >= connections, run
        taken = log.wait_for(" smtp envelope ", messages)
        seen = collections.Counter(line.split(" to=<")[1].split(">")[0] for line in taken)
        assert seen == collections.Counter(f"u{i:03d}@example.com" for i in range(messages)), seen
        print(f"opensmtpd, {messages} messages by {couriers} couriers, each once:", run)


MAILS = tempfile.TemporaryDirectory()


def folder_of_mails():
    return MAILS.name


def check_unchanged(messages):
    """The last hostile name is the one that the driver's `smtp` sends with; bodies are the same for all."""
    assert len(messages) == 3, messages
    ours = max(pathlib.Path(MAILS.name).glob("m-*.eml"), key=lambda p: int(p.stem.split("-")[1])).read_bytes()
    body = ours.split(b"\r\n\r\n", 1)[1].decode("ascii")
    for message in messages:
        assert message["from"] == "shop@lumen.example" and message["to"] == ["zoe@example.com"]
        assert message["data"].split("\r\n\r\n", 1)[1] == body, "OpenSMTPD had to change the message"
    print("opensmtpd: 3 messages relayed unchanged")


def main():
    if sys.argv[-1] == "inside":
        inside(*sys.argv[1:3])
    else:
        enter_namespace()


if __name__ == "__main__":
    main()
