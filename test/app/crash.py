"""A live service under load that is killed at random instants, and what must be true of its store at the end.

    crash.py [--kills N] [--seed N] MAXCART       alone: as many kills as wanted, a line each 50, a summary

Every other store mails to a spool, the others to a mail server in this process.

Threads play the shop's clients over kept-alive connections; the service is killed while it starts, recovers or works,
now and then ended well or told to read its settings again, and started again. Then the log is given to a slow model
(live_model.py), and the store must be what the model says: SEMANTICS 7.
"""
import argparse
import contextlib
import email
import email.policy
import http.client
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime, timezone

import harness
import live_model
import mail_server
from live_model import model

GAP_S = 1
THREADS = 6
UNSUBSCRIBE = 0.02                            # of the requests
KILLS_MAX = 50                                 # of one store: so that a run of any length ends
NONCE = re.compile(rb'"nonce":"(\w+)"')
GONE = (OSError, http.client.HTTPException)


# ---- what clients send -------------------------------------------------------------------

def stamp(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Shopper:
    """Random bodies of one thread. Its users are its own and, rarely, everybody's."""

    def __init__(self, name, seed):
        self.name, self.rng = name, random.Random(seed)
        self.count, self.sent, self.unanswered = 0, [], None

    def nonce(self):
        self.count += 1
        return "%sx%d" % (self.name, self.count)

    def user(self):
        return "all%d" % self.rng.randrange(5) if self.rng.random() < 0.05 else "%su%d" % (self.name, self.rng.randrange(40))

    def when(self):
        """Now, a little off; sometimes late, or a clock that is minutes or years wrong."""
        r = self.rng
        off = r.choices((r.uniform(-0.8, 0.2), r.uniform(-20, -1), r.uniform(1, 250), r.uniform(300, 1e6), -1e5),
                        (90, 5, 1, 2, 1))[0]
        return stamp(time.time() + off)

    def price(self):
        r = self.rng
        return r.choice((r.randrange(0, 99), "%d.%02d" % (r.randrange(500), r.randrange(100)), 12.345, "7.125"))

    def event(self):
        r, user = self.rng, self.user()
        kind = r.choices(("view", "cart", "remove_from_cart", "purchase"), (2, 5, 1, 2))[0]
        event = {"event_time": self.when(), "event_type": kind, "product_id": "p%d" % r.randrange(20), "user_id": user,
                 "user_session": "%s-s%d" % (user, r.randrange(2))}
        if kind != "view" or r.random() < 0.5:
            event["price"] = self.price()
        if r.random() < 0.3:
            event["quantity"] = r.choice((1, 2, 3, "4", 2.0))
        if r.random() < 0.3:
            event.update(currency="EUR", brand="b%d" % r.randrange(3), category_code="c.d")
        if r.random() < 0.7:
            event["message_id"] = "m-" + self.nonce()
        self.sent = self.sent[-50:] + [event]
        return event

    def spoiled(self):
        event = self.event()
        self.sent.pop()
        event.update(self.rng.choice((
            {"price": -1}, {"price": "much"}, {"event_time": "today"}, {"event_type": "wish"}, {"product_id": ""},
            {"user_session": None}, {"user_id": "x" * 129}, {"quantity": 0}, {"quantity": 2.5}, {"currency": "USD"},
            {"brand": ["b"]}, {"event_type": "cart", "price": None})))
        return event

    def person(self):
        r, user = self.rng, self.user()
        if r.random() < 0.15:
            return {"type": "alias", "user_id": user, "previous_id": self.user()}
        return {"type": "identify", "user_id": user, "traits": {
            "email": "%s@example.com" % user, "first_name": "Ana", "consent": r.choice((True, True, True, "no", None))}}

    def call(self):
        pick = self.rng.random()
        if pick < 0.06 and self.sent:
            return self.rng.choice(self.sent)  # once more
        return self.spoiled() if pick < 0.1 else self.person() if pick < 0.2 else self.event()

    def native(self):
        """(path, body): one event, an array, or lines."""
        shape = self.rng.random()
        calls = [dict(self.call()) for _ in range(1 if shape < 0.3 else self.rng.randrange(1, 12))]
        calls[0]["nonce"] = self.nonce()
        texts = [json.dumps(call, separators=(",", ":")) for call in calls]
        if shape < 0.3:
            return "/v1/events", texts[0].encode()
        if shape < 0.6:
            return "/v1/events", ("[" + ",".join(texts) + "]").encode()
        if self.rng.random() < 0.1:
            texts.append("{no json")
        return "/v1/events", ("\n".join(texts) + "\n").encode()

    def segment_call(self):
        r, user = self.rng, self.user()
        call = {"messageId": "s-" + self.nonce(), "timestamp": self.when(), "userId": user}
        kind = r.choice(("Product Viewed", "Product Added", "Product Removed", "Order Completed", "Cart Viewed", "page", "who"))
        product = {"product_id": "p%d" % r.randrange(20), "price": self.price(), "quantity": r.randrange(1, 4)}
        if kind == "page":
            return {**call, "type": "page"}
        if kind == "who":
            return {**call, "type": "identify", "anonymousId": "anon-" + user,
                    "traits": {"email": "%s@example.com" % user, "marketing_consent": None, "consent": True}}
        if kind == "Order Completed":
            product = {"order_id": "o", "products": [product, {"sku": "p%d" % r.randrange(20), "price": r.choice((3, -3))}]}
        return {**call, "type": "track", "event": kind, "properties": product}

    def segment(self):
        calls = [self.segment_call() for _ in range(self.rng.randrange(1, 6))]
        whole = {"batch": calls, "context": {"nonce": self.nonce()}}
        if self.rng.random() < 0.3:            # a client whose clock is an hour slow
            whole["sentAt"] = stamp(time.time() - 3600)
            for call in calls:
                call["timestamp"] = stamp(time.time() - 3600 - self.rng.random())
        return "/v1/batch", json.dumps(whole, separators=(",", ":")).encode()

    def body(self):
        return self.native() if self.rng.random() < 0.8 else self.segment()


class Load:
    """The threads that send, and what they were told."""

    def __init__(self, service, keys, seed, pause_s, post):
        self.service, self.keys, self.pause_s, self.post = service, keys, pause_s, post
        self.lock = threading.Lock()
        self.up, self.over = threading.Event(), threading.Event()
        self.bodies, self.attempts, self.acks = {}, Counter(), Counter()
        self.answers, self.faults = {}, []
        self.unsubscribes, self.unsubscribed = 0, 0
        self.threads = [threading.Thread(target=self.run, args=(i, seed), daemon=True) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def run(self, number, seed):
        shopper = Shopper("t%d" % number, seed * 100 + number)
        key = self.keys[0] if number % 3 else self.keys[1]
        while not self.over.is_set():
            if self.up.wait(0.05):
                client = harness.Client(self.service, key)
                with contextlib.suppress(*GONE):
                    self.shop(client, shopper, key)
                client.close()
                time.sleep(0.005)

    def shop(self, client, shopper, key):
        while not self.over.is_set():
            if shopper.rng.random() < UNSUBSCRIBE and self.unsubscribe(client, shopper):
                continue
            path, body = shopper.unanswered or shopper.body()
            shopper.unanswered = (path, body) if shopper.rng.random() < 0.5 else None  # half of the clients would give up
            self.send(client, path, body, key)
            shopper.unanswered = None
            time.sleep(shopper.rng.expovariate(1 / self.pause_s))

    def send(self, client, path, body, key):
        nonce = NONCE.search(body)[1]
        with self.lock:
            self.bodies[nonce] = body
            self.attempts[nonce] += 1
        status, _, answer = client.post(path, body)
        with self.lock:
            if status == 200:
                self.acks[nonce] += 1
                self.answers[nonce] = json.loads(answer)
            elif status not in (429, 503):
                self.faults.append((path, status, answer[:200], body[:200]))

    def unsubscribe(self, client, shopper):
        """By the link of some message, as a mail program does it."""
        mails = self.post.mails()
        if not mails:
            return False
        token = link_of(mails[shopper.rng.randrange(len(mails))], "u")
        with self.lock:
            self.unsubscribes += 1
        status, _, answer = client.post("/u/" + token, "List-Unsubscribe=One-Click",
                                        Content_Type="application/x-www-form-urlencoded")
        with self.lock:
            self.unsubscribed += status == 200
            if status not in (200, 429, 503):
                self.faults.append(("/u/", status, answer[:200], token))
        return True

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(harness.WAIT_S)
            assert not thread.is_alive(), "a client's request was never answered"


def mail_of(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def link_of(raw, kind):
    """The token of the mail's /u/, /c/ or /r/ link."""
    mail = mail_of(raw)
    text = mail["List-Unsubscribe"] if kind == "u" else mail.get_body(("html",)).get_content()
    return re.search(r"/%s/([\w-]+)" % kind, text)[1]


class Spool:
    """Where mails arrive: a folder."""

    def __init__(self, folder):
        self.folder = folder

    def mails(self):
        names = [name for name in os.listdir(self.folder) if name.endswith(".eml")] if os.path.isdir(self.folder) else []
        return SpooledMails(self.folder, names)

    def check(self, rows):
        """Sent means that its one file is there, whole; nothing else is."""
        files = os.listdir(self.folder)
        same("files of the spool", [name.lower() for name in files],
             [i.lower() + ".eml" for i, _, state in rows if state == "sent"])
        ids = [mail_of(raw)["Message-ID"] for raw in self.mails()]
        assert len(set(ids)) == len(files) and None not in ids
        assert not any(state == "unknown" for _, _, state in rows)

    def close(self):
        pass


class SpooledMails:
    """Read one by one."""

    def __init__(self, folder, names):
        self.folder, self.names = folder, names

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        return harness.read(os.path.join(self.folder, self.names[i]))


class Server(mail_server.MailServer):
    """Where mails arrive: a mail server."""

    def __init__(self):
        super().__init__()
        self.up()

    def mails(self):
        return [message["data"].encode("latin-1") for message in self.arrived()]

    def check(self, rows):
        """Sent means that it arrived, once; what arrived beyond that is counted as unknown."""
        arrived = Counter(i.strip("<>").split("@")[0].lower() for i in self.message_ids())
        assert set(arrived.values()) <= {1}, "sent twice: %r" % arrived.most_common(3)
        sent, unknown = ({i.lower() for i, _, s in rows if s == state} for state in ("sent", "unknown"))
        assert sent <= set(arrived) <= sent | unknown, (sent - set(arrived), set(arrived) - sent - unknown)


# ---- the run -----------------------------------------------------------------------------

class Crash:
    def __init__(self, folder, seed, kills, smtp, pause_s=0.01):
        self.post = Server() if smtp else Spool(os.path.join(folder, "spool"))
        self.service = harness.Service(folder, visit={"gap": "%ds" % GAP_S}, policy={"holdout": "20%"},
                                       mail=self.post.settings() if smtp else {})
        self.rng, self.seed, self.kills, self.pause_s = random.Random(seed), seed, kills, pause_s
        self.recoveries = self.startup_kills = 0

    def run(self):
        for _ in range(min(3, self.kills // 5)):               # before there is a store at all
            self.kill_start()
        self.service.start()
        load = Load(self.service, [self.service.key("server"), self.service.key("browser")], self.seed, self.pause_s,
                    self.post)
        killed = self.startup_kills
        load.up.set()
        try:
            while killed < self.kills:
                killed += self.round(load)
            self.settle(load)
        finally:
            load.stop()
        return Verdict(self.service, load, self.post).check()

    def kill_start(self):
        self.service.spawn()
        time.sleep(self.rng.uniform(0, 0.15))
        self.service.kill()
        self.startup_kills += 1

    def round(self, load):
        """A life and its end; how often it was killed."""
        time.sleep(self.rng.choice((self.rng.uniform(0, 0.1), self.rng.uniform(0, 2.5))))
        if self.rng.random() < 0.2:
            self.service.signal(signal.SIGHUP)
            time.sleep(self.rng.uniform(0, 0.05))
        ended = self.rng.random() < 0.1
        load.up.clear()
        if ended:
            assert self.service.terminate() == 0, self.service.lines
        else:
            self.service.kill()
        kills = not ended
        while self.rng.random() < 0.3:
            self.kill_start()
            kills += 1
        self.service.start()
        self.recoveries += any("recovered" in line for line in self.service.lines)
        load.up.set()
        return kills

    def settle(self, load):
        """No more comes; what is due goes; a clean end, behind which nothing is to be recovered."""
        load.stop()
        time.sleep(GAP_S + 0.6)
        harness.wait_for("all messages to be done with", lambda: not self.service.rows(
            "select 1 from outbox where state in (1,2,6) or state=0 and due_at<?", time.time_ns() // 1000 - 10**6))
        for _ in range(2):
            assert self.service.terminate() == 0, self.service.lines
            assert not any(" error " in line for line in self.service.lines), self.service.lines
            self.service.start()
            assert not any("recovered" in line for line in self.service.lines), self.service.lines
        assert self.service.terminate() == 0, self.service.lines


# ---- what must be true -------------------------------------------------------------------

def same(what, found, expected):
    """Equal counters; else the differences."""
    found, expected = Counter(found), Counter(expected)
    assert found == expected, "%s: too many %r, missing %r" % (
        what, list((found - expected).items())[:5], list((expected - found).items())[:5])


class Verdict:
    def __init__(self, service, load, post):
        self.service, self.load, self.post = service, load, post
        self.entries = service.logged()
        self.sent_to = {i: to.encode() for i, to in service.rows("select id, sent_to from outbox where sent_to is not null")}

    def check(self):
        assert not self.load.faults, self.load.faults[:5]
        self.check_log()
        slow = live_model.LiveModel(GAP_S * model.SECOND, "EUR", self.sent_to).run(self.entries)
        self.check_answers()
        self.check_figures(slow)
        self.check_rejects(slow)
        self.check_carts(slow)
        messages = Counter(self.check_messages())
        return {"entries": len(self.entries), "acknowledged": sum(self.load.acks.values()), "rows": slow.rows,
                "accepted": slow.by_type.total(), "duplicates": slow.rejected["duplicate"], "carts": len(slow.carts),
                "sent": messages["sent"], "unknown": messages["unknown"]}

    def check_log(self):
        """Each acknowledged body once for each acknowledgement, as it was sent; what was not answered may be there."""
        assert [e[0] for e in self.entries] == list(range(1, len(self.entries) + 1)), "positions have a hole"
        arrivals = [e[4] for e in self.entries if e[1] == live_model.TICK]
        assert arrivals == sorted(arrivals)
        logged = Counter()
        for entry in self.entries:
            if entry[1] in (live_model.NATIVE, live_model.SEGMENT):
                nonce = NONCE.search(entry[5])[1]
                assert entry[5] == self.load.bodies[nonce], "body of %r" % nonce
                logged[nonce] += 1
        for nonce, attempts in self.load.attempts.items():
            if not logged[nonce] and self.is_ignored(self.load.bodies[nonce]):
                continue
            assert self.load.acks[nonce] <= logged[nonce] <= attempts, (nonce, self.load.acks[nonce], logged[nonce], attempts)
        unsubscribes = sum(e[1] == live_model.UNSUBSCRIBE for e in self.entries)
        assert self.load.unsubscribed <= unsubscribes <= self.load.unsubscribes

    def is_ignored(self, body):
        """Calls that carry no event of ours are answered and forgotten."""
        kind = live_model.SEGMENT if body.startswith(b'{"batch"') else live_model.NATIVE
        return all(call.ignored for call in live_model.calls_of(kind, body, True, b"EUR", 0))

    def check_answers(self):
        for _, kind, may, _, arrived, body in self.entries:
            answered = self.load.answers.get(NONCE.search(body)[1]) if kind == live_model.NATIVE else None
            if answered:
                accepted, rejected = live_model.native_answer(live_model.calls_of(kind, body, may, b"EUR", arrived))
                assert (answered["accepted"], sorted((r["index"], r["reason"]) for r in answered["rejected"])) == (
                    accepted, rejected), (answered, accepted, rejected, body)

    def command(self, *words):
        done = harness.run_maxcart(self.service.folder, *words, "--store", self.service.store)
        assert done.returncode == 0, (words, done.stdout.decode()[-3000:], done.stderr)
        return done.stdout.decode()

    def check_figures(self, slow):
        """`report` as a whole, its checks (exit code), and the lists that a user sees."""
        found, expected = json.loads(self.command("report", "--json")), model.report(slow)
        self.command("report")
        decisions, modelled = Counter(found.pop("decisions")), Counter(expected.pop("decisions"))
        decisions["send"] += decisions.pop("holdout", 0)
        same("decisions", decisions, modelled)
        assert found == expected, {k: (found.get(k), expected.get(k)) for k in expected if found.get(k) != expected.get(k)}
        assert found["rows"] == found["accepted"] + sum(found["rejected"].values())
        sales = {(p.decode(), minute * model.MINUTE): tuple(cell) for (p, minute), cell in slow.sales.items()}
        same("sales", [(p, minute, int(u), int(r)) for minute, p, u, r in self.service.rows("select * from sale")],
             [(p, minute, u, r) for (p, minute), (u, r) in sales.items()])
        totals = Counter()
        for (product, _), (units, _) in sales.items():
            totals[product] += units
        listed = [line.split(",") for line in self.command("sales", "--csv", "--limit", "0").splitlines()[1:]]
        assert {p: int(units) for p, units, _ in listed} == totals

    def check_rejects(self, slow):
        found = self.service.rows("select byte_offset, row, n.name, raw, arrived_at from reject r join name n"
                                  " on n.kind='reason' and n.id=r.reason")
        arrived = {e[0]: e[4] for e in self.entries}
        raws = {(position, row): raw for position, row, _, raw in slow.rejects}
        same("rejects", [(p, row, reason, raw if raws.get((p, row)) else None, at) for p, row, reason, raw, at in found],
             [(p, row, reason, raw, arrived[p]) for p, row, reason, raw in slow.rejects])
        listed = json.loads(self.command("report", "--json"))["rejected"]
        assert len(found) == sum(listed.values())

    def check_carts(self, slow):
        found = self.service.rows("select user_id, user_session, opened_at, first_at, last_at, expires_at, value_minor, items,"
                                  " n.name from cart c join name n on n.kind='decision' and n.id=c.decision")
        groups = {}                            # who is in the control group stays there
        for user, *_, decision in found:
            if decision in ("send", "holdout"):
                assert groups.setdefault(user, decision) == decision, user
        same("carts", [(*row[:6], int(row[6]), tuple(map(tuple, json.loads(row[7]))), row[8].replace("holdout", "send"))
                       for row in found], [cart_of(*cart) for cart in slow.carts])
        listed = self.command("carts", "--json", "--limit", "0")
        assert listed.count('"user_session"') == len(found), (listed[:300], len(found))

    def check_messages(self):
        """One for each decision; their states."""
        clock = max(entry[4] for entry in self.entries)        # a visit that ended ahead of it waits for its due time
        rows = self.service.rows("select hex(message_id), d.name, case when o.state=0 and o.due_at>%d then 'ahead'"
                                 " else s.name end from outbox o"
                                 " join name d on d.kind='decision' and d.id=o.decision"
                                 " join name s on s.kind='message_state' and s.id=o.state" % clock)
        carts = self.service.rows("select n.name, count(*) from cart c join name n on n.kind='decision' and n.id=c.decision"
                                  " where n.name in ('send','holdout') group by 1")
        same("messages by decision", Counter(decision for _, decision, _ in rows), dict(carts))
        assert len({i for i, _, _ in rows}) == len(rows)
        assert {(d, s) for _, d, s in rows if s not in ("withheld", "ahead")} <= {
            ("send", "sent"), ("send", "unknown"), ("holdout", "control")}, Counter((d, s) for _, d, s in rows)
        self.post.check(rows)
        return [state for _, _, state in rows]


def cart_of(expiry, _, visit, decision):
    items = tuple((p.decode(), q, c) for p, (q, c) in sorted(visit.items.items()))
    return (visit.user.decode(), visit.session.decode(), visit.opened, visit.first, visit.last, expiry,
            model.value_of(visit), items, decision)


# ---- alone -------------------------------------------------------------------------------

def crash(seed, kills, smtp):
    """On a store of its own, which is left where it is if something is wrong."""
    folder = tempfile.mkdtemp(prefix="mc-crash-")
    run = Crash(folder, seed, kills, smtp)
    try:
        figures = run.run()
    except BaseException:
        with open(os.path.join(folder, "service.log"), "w") as f:
            f.write("\n".join(run.service.log) + "\n")
        print("seed %d, %d kills, mail by %s: the store and service.log are in %s" % (
            seed, kills, "SMTP" if smtp else "spool", folder), file=sys.stderr)
        raise
    finally:
        run.service.close()
        run.post.close()
    shutil.rmtree(folder)
    return {**figures, "recoveries": run.recoveries, "killed while starting": run.startup_kills}


def words(figures):
    return ", ".join("%s %s" % (format(n, ","), what) for what, n in figures.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options, left = parser.parse_known_args()
    sys.argv[1:] = left
    copy = harness.take_binary()
    total, done, began = Counter(), 0, time.monotonic()
    try:
        while done < options.kills:
            kills, seed = min(KILLS_MAX, options.kills - done), options.seed + done
            figures = crash(seed, kills, smtp=done // KILLS_MAX % 2 == 1)
            done += kills
            total.update(figures)
            print("%d kills, seed %d: %s" % (done, seed, words(figures)), flush=True)
    finally:
        shutil.rmtree(copy)
    print("%d kills in %d s, nothing lost, nothing twice: %s" % (done, time.monotonic() - began, words(total)))


if __name__ == "__main__":
    main()
