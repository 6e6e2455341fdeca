"""Real clients against the real service: Segment's own, our maxcart.js, and the page in a browser.

Usage: real_test.py MAXCART

Needs node, Debian's chromium, and `npm ci` in test/clients and in dashboard; exit code 77 when a test could not run.
"""
import contextlib
import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest
import urllib.parse
from collections import Counter

import harness
from harness import wait_for
from serve_test import Live

CLIENTS = os.path.join(harness.ROOT, "test", "clients")
DASHBOARD = os.path.join(harness.ROOT, "dashboard")
PAGE = os.path.join(harness.ROOT, "test", "app", "page.mjs")
CHROMIUM = "/usr/bin/chromium"
CLIENT_S = 60  # what a client may take, at most
PURCHASES = 5  # of one product
NEW = 15  # products that sell for the first time, close behind one another
PRICE_MINOR = 1250  # of all that page.mjs buys
PIXEL_MS = 1000  # the promise: payment to pixel
REJECTED = "maxcart_collector_rejected_total{"
TYPES = ("view", "cart", "remove_from_cart", "purchase")


def lacking(folder, *packages):
    """What is not there to run a client of that folder's packages; empty: all is."""
    if not shutil.which("node"):
        return "there is no node"
    if not os.path.exists(CHROMIUM):
        return "there is no " + CHROMIUM
    missing = [p for p in packages if not os.path.isdir(os.path.join(folder, "node_modules", p))]
    return "%s: no %s (npm ci there)" % (os.path.relpath(folder, harness.ROOT), ", ".join(missing)) if missing else ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Real(Live):
    def listed(self, service, *words):
        done = self.run_maxcart(*words, "--csv", "--store", service.store)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))

    def sold(self, service):
        """(units, hundredths) of each product."""
        return {r["product_id"]: (int(r["units"]), int(r["revenue_minor"])) for r in self.listed(service, "sales")}


# ---- those who send ----------------------------------------------------------------------

def sales_of(rows):
    units, revenue = Counter(), Counter()
    for row in rows:
        if row["event_type"] == "purchase":
            units[row["product_id"]] += row["quantity"]
            revenue[row["product_id"]] += row["quantity"] * row["price_minor"]
    return {product: (units[product], revenue[product]) for product in units}


class Senders(Real):
    """What a client says it sent is what the store has: nothing is lost, nothing is there twice."""

    def metrics(self, service):
        status, _, body = self.client(service).get("/metrics")
        self.assertEqual(status, 200)
        return dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))

    def answered(self, service):
        """What the collector told the clients, by reason of the refusal, and how many calls were none of ours."""
        metrics = self.metrics(service)
        counts = {name.split('"')[1]: int(n) for name, n in metrics.items() if name.startswith(REJECTED)}
        ignored = int(metrics["maxcart_collector_ignored_total"])
        return Counter({reason: n for reason, n in counts.items() if n}), ignored

    def send(self, clients):
        """Runs them to their end, and the service to its own; (service, lines sent, those of rows, answered())."""
        missing = lacking(CLIENTS, "@segment/analytics-node", "@segment/analytics-next", "playwright-core")
        if missing:
            self.skipTest(missing)
        port = free_port()
        service = self.serve(http={"cors_origins": "http://127.0.0.1:%d" % port}, visit={"gap": "4h"})
        keys = service.keys["server"], service.keys["browser"]
        client = subprocess.run(["node", os.path.join(CLIENTS, "segment_check.mjs"), service.url, *keys,
                                 "--only", clients, "--page-port", str(port)],
                                capture_output=True, text=True, timeout=CLIENT_S)
        self.assertEqual(client.returncode, 0, client.stderr)
        sent = [json.loads(line) for line in client.stdout.splitlines()]
        rows = [line for line in sent if line.get("event_type") in TYPES]
        self.assertTrue(rows)
        with contextlib.suppress(AssertionError):  # a page that is left may send after the client's end
            wait_for("all rows", lambda: self.report(service)["accepted"] >= len(rows), 10)
        answered = self.answered(service)
        self.end(service)
        return service, sent, rows, answered

    def agree(self, clients):
        service, sent, rows, answered = self.send(clients)
        report = self.report(service)
        by_type = Counter(row["event_type"] for row in rows)
        self.assertEqual(report["by_type"], {kind: by_type[kind] for kind in TYPES})
        self.assertEqual((report["accepted"], report["late"], report["cart_full"]), (len(rows), 0, 0))
        self.assertEqual(self.sold(service), sales_of(rows))
        self.assertEqual(report["products"], len({row["product_id"] for row in rows}))
        refused = Counter(line["rejected"] for line in sent if "rejected" in line)
        self.assertEqual(answered, (refused, sum("ignored" in line for line in sent)))
        kept = Counter(row["reason"] for row in self.listed(service, "rejects"))
        again = kept.pop("duplicate", 0)  # a client may send again what it was not seen to be answered
        del refused["browser_key"]  # calls of persons are no rows: they are answered, not kept
        self.assertEqual(kept, refused)
        self.assertEqual(report["rejected"].get("duplicate", 0), again)
        self.assertEqual(sum(report["rejected"].values()), again + sum(refused.values()))
        print("%s: %d rows of %d calls and rows, %d refused, %d sent again" %
              (clients, len(rows), len(sent), sum(answered[0].values()), again))
        return service

    def test_segments_client_for_servers(self):
        service = self.agree("node")
        found = [(r["user_id"], r["email"], r["first_name"]) for r in self.listed(service, "subscribers", "list")]
        self.assertEqual(found, [("node-customer", "node@example.com", "Nadia")])

    def test_segments_client_for_browsers(self):
        service = self.agree("next")
        self.assertEqual(self.listed(service, "subscribers", "list"), [])  # its key may set none

    def test_our_own_script(self):
        service = self.agree("maxcart")
        self.assertEqual(self.listed(service, "subscribers", "list"), [])


# ---- who looks ---------------------------------------------------------------------------

class Looker(Real):
    def say(self, page, what):
        """The page's next line; it has to have that."""
        line = page.stdout.readline()
        if not line:
            page.wait()
            self.fail("the page ended before %r: %s" % (what, page.stderr.read()))
        said = json.loads(line)
        self.assertIn(what, said)
        return said

    def packages(self):
        """A folder with the browser's driver: either will do."""
        missing = [lacking(folder, "playwright-core") for folder in (DASHBOARD, CLIENTS)]
        if all(missing):
            self.skipTest("; ".join(dict.fromkeys(missing)))
        return CLIENTS if missing[0] else DASHBOARD

    def link(self, service, name):
        """Its path: the service listens on a port of its own choice, which the settings do not know."""
        done = self.run_maxcart("share", "create", "--name", name, "--store", service.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        return urllib.parse.urlsplit(done.stdout.decode().strip()).path

    def look(self, products):
        """A page that has seen these purchases, each in time and without trouble; (service, page)."""
        packages = self.packages()
        service = harness.Service(self.folder)
        self.addCleanup(service.close)
        key, self.path_of_link = service.key("server", "server"), self.link(service, "boss")  # known from the start on
        service.start()
        page = subprocess.Popen(["node", PAGE, service.url + self.path_of_link, key, ",".join(products), packages],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(page.communicate)
        self.addCleanup(page.terminate)
        timed = [self.say(page, "pixel_ms") for _ in re.split("[,+]", ",".join(products))]
        print("from post to pixel: %s ms; to the answer: %s ms" %
              tuple(", ".join(str(t[name]) for t in timed) for name in ("pixel_ms", "answer_ms")))
        self.assertLess(max(t["pixel_ms"] for t in timed), PIXEL_MS)
        seen = self.say(page, "shown")
        self.assertEqual(seen["errors"], [])
        self.assertEqual(self.sold(service), {p: (units, units * PRICE_MINOR) for p, units in seen["shown"].items()})
        return service, page

    def test_a_purchase_is_on_the_page_within_a_second_until_the_link_is_revoked(self):
        service, page = self.look(["lamp"] * PURCHASES)
        done = self.run_maxcart("share", "revoke", "--name", "boss", "--store", service.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        left = self.say(page, "left_ms")
        print("from revoked to the login page: %d ms" % left["left_ms"])
        self.assertEqual(left["errors"], [])
        self.assertEqual(page.wait(harness.WAIT_S), 0)
        self.end(service)
        self.assertNotIn(self.path_of_link.rsplit("/", 1)[1], "\n".join(service.log))

    def test_a_product_that_sells_for_the_first_time_is_there_as_fast(self):
        """Also just behind a sale of another, which put the rows in order."""
        self.look(["lamp", "!lamp+" + "+".join("new-%02d" % i for i in range(NEW))])


def main():
    """harness.main, except that a test that was skipped shows: exit code 77 when nothing failed."""
    folder = harness.take_binary()
    try:
        result = unittest.main("__main__", exit=False, verbosity=1).result
    finally:
        shutil.rmtree(folder)
    for test, why in result.skipped:
        print("skipped: %s: %s" % (test.id().rsplit(".", 1)[1], why))
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)


if __name__ == "__main__":
    main()
