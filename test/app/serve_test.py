"""maxcart serve as a whole: killed, asked, reloaded, with a mail server that fails, on a full disk, among hostile clients.

Usage: serve_test.py MAXCART
"""
import base64
import contextlib
import gzip
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
from collections import Counter

import crash
import harness
import mail_server
from harness import Client, wait_for

KILLS = 20
FORM = "application/x-www-form-urlencoded"


def event(kind, product, user, price="10.00", **more):
    return {"event_time": crash.stamp(time.time()), "event_type": kind, "product_id": product, "user_id": user,
            "user_session": user + "-s", "price": price, **more}


def identify(user, address=None):
    return {"type": "identify", "user_id": user, "traits": {"email": address or user + "@example.com", "consent": True}}


class Live(harness.Scratch):
    """Each test has a service of its own."""

    def serve(self, **settings):
        """With a key of each kind made before it starts, when that takes no time."""
        service = harness.Service(self.folder, **settings)
        service.keys = {kind: service.key(kind, kind) for kind in ("server", "browser")}
        self.addCleanup(service.close)
        return service.start()

    def tearDown(self):
        self.doCleanups()
        super().tearDown()

    def visitor(self, service, key=None):
        client = Client(service, key)
        self.addCleanup(client.close)
        return client

    def client(self, service, kind="server"):
        return self.visitor(service, service.keys[kind])

    def post(self, client, *calls, status=200):
        """The answer to these, one a line."""
        found, _, body = client.post("/v1/events", "\n".join(json.dumps(call) for call in calls))
        self.assertEqual(found, status, body)
        return json.loads(body)

    def abandon(self, client, user, product="p1", address=None, **more):
        self.post(client, identify(user, address), event("cart", product, user, **more))

    def files(self, service, count):
        """The spool's mails, when there are so many, in order of their names."""
        def all_there():
            names = sorted(n for n in os.listdir(service.spool) if n.endswith(".eml")) if os.path.isdir(service.spool) else []
            return len(names) >= count and [harness.read(os.path.join(service.spool, n)) for n in names]
        found = wait_for("%d mails in the spool" % count, all_there)
        self.assertEqual(len(found), count)
        return found

    def states(self, service, expected):
        """Waits until the outbox is like that."""
        with contextlib.suppress(AssertionError):
            wait_for(expected, lambda: service.messages() == expected)
        self.assertEqual(service.messages(), expected)

    def report(self, service):
        done = self.run_maxcart("report", "--json", "--store", service.store)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def end(self, service):
        self.assertEqual(service.terminate(), 0, service.lines)
        self.assertEqual(self.run_maxcart("report", "--store", service.store).returncode, 0)


class Killed(harness.Scratch):
    def test_killed_at_random_instants_under_load(self):
        seed = random.randrange(1 << 32)
        for smtp in (False, True):
            print("kills with seed %d: %s" % (seed, crash.words(crash.crash(seed, KILLS // 2, smtp))))


# ---- from the first start to the last ----------------------------------------------------

class Service(Live):
    def test_the_first_start_tells_its_secrets_in_one_file_only(self):
        service = harness.Service(self.folder)
        self.addCleanup(service.close)
        service.start()
        path = service.store + "-credentials"
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        secrets = [service.password(), re.search(r"shop's pages: (\S+)", harness.read(path).decode())[1]]
        client = self.visitor(service, secrets[1])
        self.assertEqual(self.post(client, event("view", "p1", "u1"))["accepted"], 1)
        key = service.key()
        server = self.visitor(service, key)
        self.post(server, identify("u1"))
        server.get("/share/none")
        server.get("/api/stream?token=verysecret")
        before = harness.read(path)
        self.end(service)
        self.assertEqual(service.start().terminate(), 0)
        self.assertEqual(harness.read(path), before)
        for secret in (*secrets, key, "verysecret", "u1@example.com"):
            self.assertNotIn(secret, "\n".join(service.log))

    def test_killed_in_its_first_start_it_tells_them_in_the_next(self):
        """Wherever it was: whoever starts it knows the password and a browser key then."""
        for round in range(12):
            folder = self.path("first%d" % round)
            os.mkdir(folder)
            service = harness.Service(folder)
            self.addCleanup(service.close)
            service.spawn()
            time.sleep(0.03 + 0.02 * round)
            service.kill()
            service.start()
            told = harness.read(service.store + "-credentials").decode()
            self.assertRegex(told, "(?m)password: .*\n.*browser key.*: mk_b_", "killed after %d ms" % (30 + 20 * round))
            key = re.search(r"mk_b_\S+", told)[0]
            self.assertEqual(self.post(self.visitor(service, key), event("view", "p", "u"))["accepted"], 1)
            status, _, _ = self.visitor(service).post("/login", "password=" + service.password(), Content_Type=FORM)
            self.assertIn(status, (302, 303))
            service.kill()

    def test_a_clean_end_leaves_nothing_to_recover(self):
        service = self.serve(visit={"gap": "1h"})
        client = self.client(service)
        self.post(client, *(event("cart", "p%d" % i, "u%d" % i) for i in range(50)), event("purchase", "p1", "u1"))
        self.end(service)
        self.assertTrue(any("stopping" in line for line in service.lines))
        self.assertEqual([line for line in service.lines if " error " in line], [])
        service.start()
        self.assertIsNone(next((line for line in service.lines if "recovered" in line), None))
        self.assertEqual(self.report(service)["accepted"], 51)
        service.kill()                         # the control: a kill does leave something
        service.start()
        self.post(self.client(service), event("view", "p1", "u1"))
        service.kill()
        service.start()
        self.assertTrue(any("recovered" in line for line in service.lines), service.lines)

    def test_a_second_service_of_the_store_is_told(self):
        service = self.serve()
        self.bad(1, [service.store], "serve", "--config", service.config, "--store", service.store)
        self.end(service)

    def test_health_readiness_and_metrics(self):
        service = self.serve()
        client = self.client(service)
        nobody, browser = self.visitor(service), self.client(service, "browser")
        self.assertEqual([nobody.get("/healthz")[0], nobody.get("/readyz")[0], nobody.get("/metrics")[0],
                          browser.get("/metrics")[0]], [200, 200, 401, 401])
        self.post(client, event("purchase", "p1", "u1", "2.50", quantity=4), event("view", "", "u1"))

        def metrics():
            status, _, body = client.get("/metrics")
            self.assertEqual(status, 200)
            return dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
        wait_for("the purchase in the metrics", lambda: metrics()["maxcart_revenue_minor_total"] == "1000")
        figures = metrics()
        self.assertEqual(figures["maxcart_events_accepted_total"], "1")
        self.assertEqual(figures['maxcart_rows_rejected_total{reason="missing_product"}'], "1")

    def test_report_and_lists_while_it_runs(self):
        service = self.serve()
        client = self.client(service)
        over = threading.Event()

        def load():
            with contextlib.suppress(*crash.GONE):
                while not over.is_set():
                    self.post(client, *(event("purchase", "p%d" % i, "u%d" % i) for i in range(20)))
        thread = threading.Thread(target=load)
        thread.start()
        try:
            for _ in range(5):
                for words in (("report",), ("carts", "--csv"), ("sales",), ("rejects",), ("why", "u1")):
                    done = self.run_maxcart(*words, "--store", service.store)
                    self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        finally:
            over.set()
            thread.join()
        self.end(service)


# ---- answers -----------------------------------------------------------------------------

class Answers(Live):
    def refused(self, answer, status):
        """Each says as JSON what is wrong and what to do."""
        self.assertEqual(answer[0], status, answer[2])
        said = json.loads(answer[2])
        self.assertTrue(said["error"] and said["message"].strip(), said)
        return answer

    def test_keys_are_made_listed_and_revoked_while_it_runs(self):
        service = self.serve()
        key = service.key("server", "mine")
        client = self.visitor(service, key)
        listed = self.run_maxcart("keys", "list", "--store", service.store).stdout.decode()
        self.assertRegex(listed, r"(?m)^\d+,mine,server,\S+Z,$")
        self.assertNotIn(key, listed)
        self.assertNotIn(key.encode(), b"".join(harness.folder_content(self.folder).values()))
        self.assertEqual(self.run_maxcart("keys", "revoke", "--name", "mine", "--store", service.store).returncode, 0)
        wait_for("the key to be refused", lambda: client.post("/v1/events", event("view", "p", "u"))[0] == 401, 5)
        self.bad(2, ["--name"], "keys", "create", "--store", service.store)

    def test_refusals(self):
        service = self.serve()
        client, good = self.client(service), json.dumps(event("view", "p", "u"))
        self.refused(self.visitor(service).post("/v1/events", good), 401)
        self.refused(self.visitor(service, "mk_s_" + "A" * 43).post("/v1/events", good), 401)
        self.refused(client.post("/v1/events", good, Content_Type="application/xml"), 415)
        self.refused(client.post("/v1/events", good, Content_Encoding="br"), 415)
        self.refused(client.post("/v1/events", ""), 400)
        self.refused(client.post("/v1/events", "[{]"), 400)
        self.refused(client.post("/v1/batch", "no json"), 400)
        self.refused(self.client(service).post("/v1/events", b" " * (5 << 20)), 413)
        self.assertEqual(self.report(service)["rows"], 0)

    def test_a_key_may_come_in_several_ways(self):
        service = self.serve()
        client = self.client(service)
        key, nobody = service.keys["server"], self.visitor(service)
        basic = "Basic " + base64.b64encode((key + ":").encode()).decode()
        self.assertEqual(nobody.post("/v1/events", event("view", "p", "u"), Authorization=basic)[0], 200)
        self.assertEqual(nobody.post("/v1/batch", {"batch": [], "writeKey": key})[0], 200)
        self.assertEqual(nobody.post("/v1/events?writeKey=" + key, event("view", "p", "u"))[0], 200)

    def test_gzip(self):
        service = self.serve()
        client = self.client(service)
        lines = "\n".join(json.dumps(event("view", "p%d" % i, "u", message_id=str(i))) for i in range(1000)).encode()
        status, _, body = client.post("/v1/events", gzip.compress(lines), Content_Encoding="gzip")
        self.assertEqual((status, json.loads(body)["accepted"]), (200, 1000))
        self.assertIn(lines, [entry[5] for entry in service.logged()])
        self.refused(client.post("/v1/events", b"no gzip at all", Content_Encoding="gzip"), 400)

    def test_rates(self):
        service = self.serve(http={"calls_per_key": "10", "calls_per_address": "5"})
        for kind in ("server", "browser"):
            client = self.client(service, kind)
            answers = [client.post("/v1/events", [event("view", "p", "u", message_id="%s%d" % (kind, i))] * 4)
                       for i in range(10)]
            late = next(answer for answer in answers if answer[0] == 429)
            self.refused(late, 429)
            self.assertGreaterEqual(int(late[1]["Retry-After"]), 1)
            self.assertEqual(answers[0][0], 200)
        self.assertEqual(self.visitor(service).get("/healthz")[0], 200)

    def test_a_browser_key_never_sets_a_person(self):
        service = self.serve()
        browser = self.client(service, "browser")
        answer = self.post(browser, identify("u1"), {"type": "alias", "user_id": "u1", "previous_id": "u2"},
                           event("cart", "p1", "u1"))
        self.assertEqual((answer["accepted"], [r["reason"] for r in answer["rejected"]]), (1, ["browser_key"] * 2))
        wait_for("the cart", lambda: service.rows("select 1 from cart"))
        self.assertEqual(service.rows("select count(*) from subscriber"), [(0,)])

    def test_what_is_accepted_and_what_is_not_is_said_by_index(self):
        service = self.serve()
        answer = self.post(self.client(service), event("view", "p", "u"), event("view", "", "u"), event("cart", "p", "u", None),
                           {"type": "page"}, event("view", "p", "u", currency="USD"))
        self.assertEqual((answer["accepted"], answer["ignored"]), (1, 1))
        self.assertEqual([(r["index"], r["reason"]) for r in answer["rejected"]],
                         [(1, "missing_product"), (2, "missing_price"), (4, "bad_currency")])
        self.assertTrue(all(r["message"] for r in answer["rejected"]))


# ---- offers ------------------------------------------------------------------------------

class Offers(Live):
    def test_a_mail_is_there_within_a_second_of_the_expiry(self):
        service = self.serve()
        client = self.client(service)
        self.abandon(client, "u1", "soap", price="12.50", quantity=2)
        mail = crash.mail_of(self.files(service, 1)[0])
        self.assertEqual(mail["To"].addresses[0].addr_spec, "u1@example.com")
        self.assertIn("25.00", mail.get_body(("plain",)).get_content())
        self.states(service, {"sent": 1})
        (expired, handed), = service.rows("select expires_at, handed_at from outbox")
        print("from expiry to spool: %d ms" % ((handed - expired) // 1000))
        self.assertLess(handed - expired, 1_000_000)
        self.assertGreaterEqual(handed, expired)

    def test_a_mail_waits_for_its_delay_and_a_purchase_withholds_it(self):
        service = self.serve(policy={"delay": "1s"})
        client = self.client(service)
        self.abandon(client, "u1")
        self.abandon(client, "u2")
        wait_for("the carts' end", lambda: service.rows("select count(*) from cart") == [(2,)])
        self.post(client, event("purchase", "p9", "u2", user_session="other"))
        self.states(service, {"sent": 1, "withheld": 1})
        self.assertEqual(len(self.files(service, 1)), 1)

    def test_links(self):
        service = self.serve()
        client = self.client(service)
        self.abandon(client, "u1", "a,b:c/d")
        mail = self.files(service, 1)[0]
        visitor = self.visitor(service)
        status, headers, _ = visitor.get("/r/" + crash.link_of(mail, "r"))
        self.assertEqual((status, headers["Location"]), (302, "https://shop.example.com/cart?items=a%2Cb%3Ac%2Fd:1&code="))
        wait_for("the click", lambda: service.rows("select 1 from outbox where clicked_at is not null"))
        content = crash.mail_of(mail).get_body(("html",)).get_content()
        if "/c/" in content:
            self.assertEqual(visitor.get("/c/" + crash.link_of(mail, "c"))[0], 302)
        for kind in "rcu":
            self.assertEqual(visitor.get("/%s/%s" % (kind, "A" * 80))[0], 404)

    def test_unsubscribe_holds_from_the_answer_on(self):
        service = self.serve()
        client = self.client(service)
        self.abandon(client, "u1")
        token = crash.link_of(self.files(service, 1)[0], "u")
        visitor = self.visitor(service)
        self.assertEqual(visitor.get("/u/" + token)[0], 200)   # a look is none
        self.assertEqual(service.rows("select count(*) from suppression"), [(0,)])
        self.assertEqual(visitor.post("/u/" + token, "List-Unsubscribe=One-Click", Content_Type=FORM)[0], 200)
        wait_for("the suppression", lambda: service.rows("select email from suppression") == [("u1@example.com",)], 5)
        self.abandon(client, "u1", "p2")
        self.abandon(client, "u2", address="u1@example.com")
        wait_for("the decisions", lambda: service.rows("select count(*) from cart") == [(3,)])
        self.assertEqual(self.report(service)["decisions"], {"send": 1, "suppressed": 2})
        self.end(service)
        self.files(service, 1)

    def test_a_reload_changes_the_policy_and_nothing_else(self):
        service = self.serve()
        client = self.client(service)
        self.post(client, event("purchase", "p1", "u0", currency="EUR"))
        settings = {"policy": {"minimum": "100"}, "mail": {"spool": service.spool}, "store": {"currency": "EUR"}}
        service.configure(**settings)
        self.post(client, event("cart", "p1", "open", price="150.00", user_session="x"), identify("open"))
        service.signal(signal.SIGHUP)
        self.assertTrue(service.wait_line("settings_read"))
        for _ in range(200):                   # memory that was given back may be used again
            self.post(client, identify("filler", "x%s@example.com" % ("y" * 40)))
        answer = self.post(client, event("purchase", "p1", "u0", currency="EUR", message_id="1"))
        self.assertEqual(answer, {"accepted": 1, "rejected": []})
        self.abandon(client, "poor", price="99.99")
        self.abandon(client, "rich", price="100.00")
        wait_for("three carts", lambda: service.rows("select count(*) from cart") == [(3,)])
        self.assertEqual(self.report(service)["decisions"], {"below_minimum": 1, "send": 2})
        self.files(service, 2)
        _, _, page = self.visitor(service).get("/login")
        self.assertIn(b"Test Shop", page)
        mail = self.files(service, 2)[0]
        self.assertTrue(self.visitor(service).get("/r/" + crash.link_of(mail, "r"))[1]["Location"].startswith(
            "https://shop.example.com/cart?items=p1:1"))
        service.configure(policy={"minimum": "nonsense"})
        service.signal(signal.SIGHUP)
        self.assertTrue(service.wait_line("settings_not_read"))
        self.post(client, event("view", "p1", "u0"))
        self.end(service)


# ---- the stream --------------------------------------------------------------------------

class Stream:
    """One connection to /api/stream; what came is told to `tell(id, event, data)` on a thread of its own."""

    def __init__(self, service, cookie, after, tell):
        self.connection = http.client.HTTPConnection(*service.address, timeout=harness.WAIT_S)
        headers = {"Cookie": cookie}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        self.connection.request("GET", "/api/stream", headers=headers)
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.tell = tell
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        fields = {}
        with contextlib.suppress(*crash.GONE, ValueError, AttributeError):
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if not line and "event" in fields:
                    self.tell(fields.get("id"), fields["event"], json.loads(fields["data"]))
                name, _, value = line.partition(": ")
                assert name in ("", "id", "event", "data", "retry"), line
                fields = {} if not line else {**fields, name: value}

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.answer.close()
        self.connection.close()


class Page:
    """As the dashboard: a snapshot, then what the stream adds to it; after a reset a snapshot again."""

    def __init__(self, service, cookie):
        self.service, self.cookie = service, cookie
        self.heard = threading.Condition()
        self.units, self.position, self.frames, self.resets, self.stream = Counter(), None, [], 0, None

    def snapshot(self):
        with contextlib.closing(Client(self.service)) as client:
            status, _, body = client.get("/api/v1/sales", Cookie=self.cookie)
        assert status == 200, body
        body = json.loads(body)
        self.units = Counter({row["product_id"]: int(row["units"]) for row in body["products"]})
        self.position = body["position"]

    def open(self):
        if self.position is None:
            self.snapshot()
        self.stream = Stream(self.service, self.cookie, self.position, self.tell)
        return self

    def tell(self, number, kind, data):
        with self.heard:
            if kind == "sales":
                self.position = int(number)
                for sale in data:
                    self.units[sale["product_id"]] += sale["units"]
                self.frames.append((time.monotonic(), int(number), data))
            elif kind == "reset":
                self.resets += 1
                self.snapshot()
            self.heard.notify_all()

    def wait(self, product, units, seconds=harness.WAIT_S):
        with self.heard:
            self.heard.wait_for(lambda: self.units[product] >= units, seconds)
        return self.units[product]

    def close(self):
        self.stream.close()


class Streams(Live):
    def setUp(self):
        super().setUp()
        self.service = self.serve()
        self.shop = self.client(self.service)
        self.sold = Counter()

    def login(self):
        status, headers, _ = self.visitor(self.service).post("/login", "password=" + self.service.password(), Content_Type=FORM)
        self.assertIn(status, (302, 303))
        return headers["Set-Cookie"].split(";")[0]

    def buy(self, product, count=1):
        self.sold[product] += count
        self.post(self.client(self.service), *(
            event("purchase", product, "u", message_id="%s-%d-%d" % (product, self.sold[product], i)) for i in range(count)))

    def page(self, cookie):
        page = Page(self.service, cookie).open()
        self.addCleanup(lambda: page.close())
        return page

    def agree(self, page):
        for product, units in self.sold.items():
            self.assertEqual(page.wait(product, units, 5), units, (product, page.frames, page.resets))

    def test_only_who_signed_in_sees_it(self):
        self.assertEqual(self.visitor(self.service).get("/api/stream")[0], 401)
        self.assertEqual(self.visitor(self.service).post("/login", "password=wrong", Content_Type=FORM)[0], 401)

    def test_a_purchase_is_there_within_a_second(self):
        page = self.page(self.login())
        delays = []
        for i in range(5):
            began = time.monotonic()
            self.buy("p%d" % i)
            self.assertEqual(page.wait("p%d" % i, 1, 5), 1)
            delays.append(page.frames[-1][0] - began)
        print("from post to page: %s ms" % [round(delay * 1000) for delay in delays])
        self.assertLess(max(delays), 1)
        numbers = [number for _, number, _ in page.frames]
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_it_resumes_without_gap_or_double(self):
        page = self.page(self.login())
        self.buy("p1")
        self.agree(page)
        for i in range(3):
            page.close()
            self.buy("p1", 3)
            self.buy("away%d" % i, 2)
            page.open()
            self.agree(page)
        self.assertEqual(page.resets, 0)

    def restart(self, end):
        page = self.page(self.login())
        self.buy("p1", 2)
        self.agree(page)
        end()
        page.close()
        self.service.start()
        page.open()
        self.buy("p2", 3)
        self.agree(page)
        self.buy("p1")
        self.agree(page)
        fresh = self.page(page.cookie)
        self.agree(fresh)
        self.assertEqual(fresh.resets, 0)

    def test_it_resumes_over_a_restart(self):
        self.restart(self.service.terminate)

    def test_it_resumes_over_a_kill(self):
        self.restart(self.service.kill)

    def test_a_share_link_reads_until_it_is_revoked(self):
        link = self.run_maxcart("share", "create", "--name", "boss", "--store", self.service.store).stdout.decode().strip()
        token = link.rsplit("/", 1)[1]
        status, headers, _ = wait_for("the link to be known", lambda: (
            lambda answer: answer[0] != 404 and answer)(self.visitor(self.service).get("/share/" + token)))
        self.assertEqual((status, headers["Referrer-Policy"]), (200, "no-referrer"))
        page = self.page(headers["Set-Cookie"].split(";")[0])
        self.buy("p1")
        self.agree(page)
        self.assertEqual(self.run_maxcart("share", "revoke", "--name", "boss", "--store", self.service.store).returncode, 0)
        page.stream.thread.join(20)
        self.assertFalse(page.stream.thread.is_alive(), "the stream goes on")
        self.assertNotIn(token, "\n".join(self.service.log))


# ---- a mail server that fails ------------------------------------------------------------

class MailFails(Live):
    def setUp(self):
        super().setUp()
        self.server = mail_server.MailServer()
        self.addCleanup(self.server.close)

    def serve(self, **settings):
        return super().serve(mail={**self.server.settings(), **settings.pop("mail", {})}, **settings)

    def state_of(self, service):
        return dict(service.rows("select o.user_id, n.name from outbox o join name n on n.kind='message_state'"
                                 " and n.id=o.state"))

    def no_message_twice(self):
        ids = self.server.message_ids()
        self.assertEqual(len(set(ids)), len(ids), Counter(ids).most_common(3))

    def test_each_answer_leads_to_its_state(self):
        expected = {"ok": "sent", "u1": "sent", "slow": "sent", "rcpt450": "retry", "data451": "retry", "end451": "retry",
                    "rcpt550": "bounced", "data554": "bounced", "end554": "bounced", "drop_end": "unknown"}
        self.server.up()
        service = self.serve()
        client = self.client(service)
        for name in expected:
            self.abandon(client, name)
        done = lambda: len(service.rows("select 1 from outbox where state in (3,4,5,6)")) == len(expected)  # noqa: E731
        with contextlib.suppress(AssertionError):
            wait_for("all to be answered", done, 15)
        self.assertEqual(self.state_of(service), expected)
        self.end(service)
        self.assertEqual(sorted(self.server.recipients()), ["drop_end", "ok", "slow", "u1"])
        self.no_message_twice()
        self.assertEqual({user for user, in service.rows("select email from suppression")},
                         {"%s@example.com" % name for name in ("rcpt550", "data554", "end554")})
        service.start()                        # an unknown one is not sent again, and is counted
        self.assertEqual(self.state_of(service), expected)
        self.assertRegex(self.run_maxcart("report", "--store", service.store).stdout.decode(), r"unknown|answer.*lost")
        self.no_message_twice()

    def test_killed_while_the_server_has_a_message(self):
        self.server.up()
        service = self.serve()
        client = self.client(service)
        self.abandon(client, "slow")
        wait_for("the message to arrive", self.server.arrived)
        service.kill()
        service.start()
        self.states(service, {"unknown": 1})
        self.abandon(self.client(service), "u2")
        self.states(service, {"unknown": 1, "sent": 1})
        self.end(service)
        self.assertEqual(self.server.recipients(), ["slow", "u2"])
        self.no_message_twice()

    def test_ended_while_the_server_has_a_message(self):
        self.server.up()
        service = self.serve()
        client = self.client(service)
        self.abandon(client, "slow")
        wait_for("the message to arrive", self.server.arrived)
        self.end(service)
        state = service.messages()
        self.assertIn(state, ({"sent": 1}, {"unknown": 1}))
        service.start()
        self.states(service, state)
        self.assertEqual(self.server.recipients(), ["slow"])

    def test_down_for_some_seconds_then_all_go_newest_first(self):
        service = self.serve(mail={"connections": "1"})
        client = self.client(service)
        for i in range(6):
            self.abandon(client, "u%d" % i)
            time.sleep(0.02)
        wait_for("the first to have been tried", lambda: service.rows("select 1 from outbox where note is not null"))
        self.assertEqual(self.server.recipients(), [])
        self.server.plan.mode = "drop_data"                # up, but worse
        self.server.up()
        time.sleep(1)
        self.server.plan.mode = "ok"
        self.states(service, {"sent": 6})
        self.assertEqual(self.server.recipients(), ["u5", "u4", "u3", "u2", "u1", "u0"])
        self.no_message_twice()
        self.end(service)

    def test_a_server_that_closes_after_each_message(self):
        self.server.plan.mode, self.server.plan.limit = "limit_close", 1
        self.server.up()
        service = self.serve()
        client = self.client(service)
        for i in range(20):
            self.abandon(client, "u%d" % i)
        self.states(service, {"sent": 20})
        self.assertEqual(sorted(self.server.recipients()), sorted("u%d" % i for i in range(20)))
        self.end(service)


# ---- a full disk -------------------------------------------------------------------------

class FullDisk(Live):
    def setUp(self):
        if os.geteuid() != 0 or not shutil.which("mount"):
            self.skipTest("needs root and mount for a small file system")
        super().setUp()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", self.folder], stderr=subprocess.DEVNULL).returncode:
            shutil.rmtree(self.folder)
            self.skipTest("a tmpfs cannot be mounted here")

    def tearDown(self):
        self.doCleanups()
        subprocess.run(["umount", self.folder], check=True)
        shutil.rmtree(self.folder)

    def body(self, number):
        rows = [event(("purchase", "cart")[i % 2], "p%d" % (i % 7), "u%d-%d" % (number, i), message_id="m%d-%d" % (number, i))
                for i in range(100)]
        return json.dumps(rows)

    def fill(self, client, first):
        """Posts until the disk is full; how many were taken."""
        taken = first
        while True:
            status, headers, answer = client.post("/v1/events", self.body(taken))
            if status != 200:
                self.assertIn(status, (503, 429), answer)
                said = json.loads(answer)
                self.assertTrue(said["message"] and int(headers["Retry-After"]) >= 1)
                if status == 503:
                    self.assertIn(said["error"], ("disk_full", "log_failed"))
                    return taken
                time.sleep(0.05)
            else:
                taken += 1
                self.assertEqual(json.loads(answer), {"accepted": 100, "rejected": []})

    def test_nothing_acknowledged_is_lost_and_it_goes_on_when_there_is_room(self):
        service = self.serve()
        client = self.client(service)
        taken = self.fill(client, 0)
        self.assertGreater(taken, 5)
        not_ready = wait_for("not to be ready", lambda: self.visitor(service).get("/readyz")[0] == 503, 5)
        self.assertTrue(not_ready)
        self.assertEqual(self.visitor(service).get("/healthz")[0], 200)
        self.assertEqual(client.post("/v1/events", self.body(taken))[0], 503)
        subprocess.run(["mount", "-o", "remount,size=200m", self.folder], check=True)
        wait_for("to be taken again", lambda: client.post("/v1/events", self.body(taken))[0] == 200)
        taken += 1
        wait_for("to be ready", lambda: self.visitor(service).get("/readyz")[0] == 200)
        wait_for("all to be in the store", lambda: self.report(service)["rows"] == taken * 100)
        self.end(service)
        report = self.report(service)
        self.assertEqual((report["accepted"], report["by_type"]["purchase"]), (taken * 100, taken * 50))
        self.assertEqual(report["units_sold"], taken * 50)

    def test_killed_while_the_disk_is_full(self):
        service = self.serve()
        client = self.client(service)
        key = service.keys["server"]
        taken = self.fill(client, 0)
        service.kill()
        service.spawn()                        # it may not start, but must not harm anything
        with contextlib.suppress(AssertionError):
            service.wait_line("listening url=", 3)
        if service.process.poll() is None:
            service.kill()
        subprocess.run(["mount", "-o", "remount,size=200m", self.folder], check=True)
        service.start()
        wait_for("to be taken again", lambda: self.visitor(service, key).post("/v1/events", self.body(taken))[0] == 200)
        wait_for("all to be in the store", lambda: self.report(service)["rows"] == (taken + 1) * 100)
        self.end(service)


# ---- hostile clients ---------------------------------------------------------------------

class Hostile(Live):
    LIMIT_KIB = 150 << 10

    def survives(self, service, client):
        self.assertEqual(self.post(client, event("view", "p", "u"))["accepted"], 1)
        self.assertLess(service.memory_kib(), self.LIMIT_KIB)

    def test_slow_clients_delay_nobody(self):
        service = self.serve()
        client = self.client(service)
        head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        slow = []
        for i in range(100):
            s = socket.create_connection(service.address)
            s.sendall(head if i % 2 else head[:30])
            slow.append(s)
        latencies, end = [], time.monotonic() + 3
        while time.monotonic() < end:
            for s in slow:
                with contextlib.suppress(OSError):
                    s.sendall(b" " if s is slow[1] else b"x")
            for _ in range(20):
                began = time.monotonic()
                self.post(client, event("view", "p", "u"))
                latencies.append(time.monotonic() - began)
                time.sleep(0.02)
        print("beside 100 slow clients: %d requests, the slowest %d ms" % (len(latencies), max(latencies) * 1000))
        self.assertLess(max(latencies), 1)
        self.survives(service, client)
        for s in slow:
            s.close()

    def test_a_gzip_bomb(self):
        service = self.serve()
        client = self.client(service)
        for bomb in (gzip.compress(b" " * (200 << 20), 1), gzip.compress(b"[" * (5 << 20)),
                     gzip.compress(gzip.compress(b" " * (50 << 20)))):
            status, _, answer = self.client(service).post("/v1/events", bomb, Content_Encoding="gzip")
            self.assertIn(status, (413, 400), answer)
            json.loads(answer)
        status, _, answer = self.client(service).post("/v1/events", gzip.compress(b" " * (200 << 20), 1), Content_Encoding="gzip")
        self.assertEqual(status, 413, answer)
        self.survives(service, client)

    def test_bodies_that_are_meant_to_hurt(self):
        service = self.serve()
        client = self.client(service)
        good = json.dumps(event("view", "p", "u"))
        n = 100_000
        bodies = [b"[" * n + b"]" * n, b'{"a":' * n, b'{"a":' * n + b"1" + b"}" * n, b'{"event_time":' + b"[" * n + b"]" * n + b"}",
                  b'\xff\xfe\x00{"event_time":"\xc0\x80"}', b'{"user_id":"\xed\xa0\x80"}', b'{"user_id":"\\ud800"}',
                  good.replace('"10.00"', "1" + "0" * 400_000).encode(), good.replace('"10.00"', "1e999999999").encode(),
                  good.replace('"10.00"', "-1E-999999999").encode(), b'"' + b"a" * (3 << 20) + b'"', b"\0" * 1000, b"{}" * n,
                  b"{}\n" * n, b"[" + b"{}," * (n - 1) + b"{}]", (good[:-1] + ("," + good[1:-1]) * 5000 + "}").encode(),
                  b'{"batch":' * 1000, b'[1e1,"",null,true,{}]']
        for body in bodies:
            for path in ("/v1/events", "/v1/batch"):
                status, _, answer = client.post(path, body)
                self.assertIn(status, (200, 400, 413), (path, body[:60], answer[:200]))
                json.loads(answer)
            self.assertEqual(self.visitor(service).get("/healthz")[0], 200)
        self.survives(service, client)
        wait_for("all to be consumed", lambda: not self.report_behind(service))
        report = self.report(service)
        self.assertEqual(report["rows"], report["accepted"] + sum(report["rejected"].values()))
        service.kill()                         # what was taken can be read again
        service.start()
        self.assertEqual(self.report(service), report)
        self.assertLess(service.memory_kib(), self.LIMIT_KIB)

    def report_behind(self, service):
        """How many entries the store has not consumed; ticks without effect are not noted."""
        (position,), = service.rows("select value from counter where name='log.position'")
        return [entry for entry in service.logged() if entry[0] > int(position) and entry[1] != 0]

    def test_the_last_of_a_name_counts(self):
        service = self.serve()
        body = json.dumps(event("purchase", "p", "u", "1.00"))[:-1] + ',"price":"3.00","price":2}'
        self.assertEqual(self.client(service).post("/v1/events", body)[0], 200)
        wait_for("the sale", lambda: self.report(service)["revenue_minor"] == 200)

    def test_heads_that_are_meant_to_hurt(self):
        service = self.serve()
        client = self.client(service)
        for head in (b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", b"\x16\x03\x01" + b"\0" * 500, b"GET\r\n\r\n",
                     b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                     b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"):
            with socket.create_connection(service.address, timeout=harness.WAIT_S) as s, contextlib.suppress(OSError):
                s.sendall(head)
                s.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: s.recv(65536), b""))
                self.assertNotIn(b"root:", answer)
                self.assertNotIn(b" 200 ", answer[:20])
        self.survives(service, client)

    def test_more_connections_than_an_address_may_have(self):
        service = self.serve(http={"connections_per_address": "32"})
        many = [socket.create_connection(service.address) for _ in range(200)]
        for s in many:
            s.close()
        client = self.client(service)
        self.survives(service, client)


if __name__ == "__main__":
    harness.main()
