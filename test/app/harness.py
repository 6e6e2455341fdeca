"""What the tests of the whole program share: the binary, a folder of one's own, commands, a service and its clients."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATES = os.path.join(ROOT, "templates")
WAIT_S = 30  # for what must come, however slow the machine
binary = None


def take_binary():
    """The first argument names it. A copy that every user may run, and that a build beside the tests does not change."""
    global binary
    folder = tempfile.mkdtemp(prefix="mc-bin-")
    os.chmod(folder, 0o755)
    binary = shutil.copy(sys.argv.pop(1), os.path.join(folder, "maxcart"))
    os.chmod(binary, os.stat(binary).st_mode | stat.S_IXOTH | stat.S_IROTH)
    return folder


def main():
    """unittest's, with the binary as first argument."""
    folder = take_binary()
    try:
        result = unittest.main("__main__", exit=False, verbosity=1).result
    finally:
        shutil.rmtree(folder)
    sys.exit(not result.wasSuccessful())


def read(path):
    with open(path, "rb") as f:
        return f.read()


def folder_content(path):
    """Every file below a folder, by its name."""
    found = {}
    for base, _, names in os.walk(path):
        for name in names:
            full = os.path.join(base, name)
            found[os.path.relpath(full, path)] = read(full)
    return found


def clean_environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAXCART_")}
    env.update(more)
    return env


def run_maxcart(folder, *words, env=None, timeout=120, **how):
    how.setdefault("stdin", subprocess.DEVNULL)
    how.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([binary, *words], stderr=subprocess.PIPE, cwd=how.pop("cwd", folder),
                          env=clean_environment(**(env or {})), timeout=timeout, **how)


def wait_for(what, true, seconds=WAIT_S, every=0.01):
    """Looks again and again: for what nobody tells. The value, once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("after %g s still not: %s" % (seconds, what))
        time.sleep(every)


class Scratch(unittest.TestCase):
    """A folder of one's own, and maxcart run in it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mc-test-")
        os.chmod(self.folder, 0o755)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def run_maxcart(self, *words, **how):
        return run_maxcart(self.folder, *words, **how)

    def bad(self, code, parts, *words, **how):
        """It ends with that code and says all the parts; what it said."""
        done = self.run_maxcart(*words, **how)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, code, (words, said))
        for part in parts:
            self.assertIn(part, said)
        return said


# ---- a service ---------------------------------------------------------------------------

SETTINGS = {
    "store": {"name": "Test Shop", "currency": "EUR"},
    "visit": {"gap": "1s"},
    "policy": {"cap_window": "0", "holdout": "0"},
    "mail": {"sender": "hello@shop.example.com", "postal_address": "1 Example Street",
             "public_url": "https://shop.example.com", "templates": TEMPLATES, "smtp_tls": "none"},
    "link": {"cart_url": "https://shop.example.com/cart?items={items}&code={coupon}"},
    "http": {"listen": "127.0.0.1:0", "calls_per_address": "0"},
}


def settings_text(more):
    """SETTINGS with more over them, as the file that the service reads."""
    text = ""
    for section in sorted(set(SETTINGS) | set(more)):
        values = {**SETTINGS.get(section, {}), **more.get(section, {})}
        text += "[%s]\n%s" % (section, "".join("%s = %s\n" % (key, value) for key, value in values.items()))
    return text


class Service:
    """maxcart serve in a folder, with the store shop.db and the spool spool; killed or ended, it can be started again."""

    def __init__(self, folder, **more):
        self.folder = folder
        self.store = os.path.join(folder, "shop.db")
        self.config = os.path.join(folder, "serve.conf")
        self.spool = os.path.join(folder, "spool")
        more.setdefault("mail", {}).setdefault("spool", self.spool)
        self.configure(**more)
        self.process = self.url = None
        self.lines, self.heard = [], threading.Condition()
        self.log = []  # of all its lives

    def configure(self, **more):
        with open(self.config, "w") as f:
            f.write(settings_text(more))

    def spawn(self, *words):
        """Starts it and does not wait."""
        self.lines = []
        self.process = subprocess.Popen([binary, "serve", "--config", self.config, "--store", self.store, *words],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        cwd=self.folder, env=clean_environment(), text=True, errors="replace")
        self.reader = threading.Thread(target=self.listen, args=(self.process.stderr, self.lines), daemon=True)
        self.reader.start()

    def listen(self, stream, lines):
        for line in stream:
            with self.heard:
                lines.append(line.rstrip("\n"))
                self.log.append(line.rstrip("\n"))
                self.heard.notify_all()
        stream.close()
        with self.heard:
            self.heard.notify_all()

    def wait_line(self, part, seconds=WAIT_S):
        """The first line of this life with that part. None: it ended, or was killed, without it."""
        end = time.monotonic() + seconds
        with self.heard:
            while True:
                found = [line for line in self.lines if part in line]
                if found:
                    return found[0]
                if not self.reader.is_alive():
                    return None
                if time.monotonic() > end:
                    raise AssertionError("the service never said %r: %r" % (part, self.lines))
                self.heard.wait(0.05)

    def start(self, *words):
        self.spawn(*words)
        line = self.wait_line("listening url=")
        assert line, "the service does not start: %r" % self.lines
        self.url = re.search(r"url=(\S+)", line)[1]
        return self

    @property
    def address(self):
        parts = urllib.parse.urlsplit(self.url)
        return parts.hostname, parts.port

    def signal(self, number):
        self.process.send_signal(number)

    def ended(self, seconds=WAIT_S):
        code = self.process.wait(timeout=seconds)
        self.reader.join(seconds)
        return code

    def kill(self):
        self.process.kill()
        self.ended()

    def terminate(self):
        """Ends it as one does; its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def close(self):
        """For the end of a test that failed, too."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def key(self, kind="server", name=None):
        """A new one. While the service runs it takes two seconds until it is known; before, nothing."""
        name = name or "%s-%d" % (kind, time.monotonic_ns())
        done = run_maxcart(self.folder, "keys", "create", "--name", name, "--kind", kind, "--store", self.store)
        assert done.returncode == 0, done.stderr
        key = done.stdout.decode().strip()
        if self.process is not None and self.process.poll() is None:
            with contextlib.closing(Client(self, key)) as client:
                wait_for("the new key to be known", lambda: client.post("/v1/events", '{"type":"page"}')[0] == 200)
        return key

    def password(self):
        return re.search(r"password: (\S+)", read(self.store + "-credentials").decode())[1]

    def rows(self, sql, *values):
        """Of the store, beside the service that writes it."""
        db = sqlite3.connect("file:%s?mode=ro" % self.store, uri=True, timeout=WAIT_S)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def logged(self):
        """The log's entries in order: (position, kind, persons, key, arrived_at, body)."""
        found, folder = [], self.store + "-inbox"
        for name in sorted(os.listdir(folder)):
            if name.endswith(".db"):
                db = sqlite3.connect("file:%s?mode=ro" % os.path.join(folder, name), uri=True, timeout=WAIT_S)
                found += db.execute("select position, kind, persons, key, arrived_at, body from entry order by position")
                db.close()
        return found

    def messages(self):
        """(state, how many) of the outbox."""
        return dict(self.rows("select n.name, count(*) from outbox o join name n on n.kind='message_state' and n.id=o.state"
                              " group by 1"))

    def memory_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read())[1])


class Client:
    """One kept-alive connection."""

    def __init__(self, service, key=None, timeout=WAIT_S):
        self.connection = http.client.HTTPConnection(*service.address, timeout=timeout)
        self.headers = {"Authorization": "Bearer " + key} if key else {}

    def call(self, method, path, body=None, **headers):
        """(status, headers, body). `headers` with _ for -."""
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.connection.request(method, path, body, given)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, path, **headers):
        return self.call("GET", path, **headers)

    def post(self, path, body, **headers):
        """A str, bytes, or what is made JSON."""
        body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers.setdefault("Content_Type", "application/json")
        return self.call("POST", path, body, **headers)

    def close(self):
        self.connection.close()
