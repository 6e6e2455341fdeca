"""maxcart replay as a whole: killed and run again, given twice, given what is no file of events. Usage: replay_test.py MAXCART"""
import gzip
import os
import random
import shutil
import signal
import subprocess
import sys

import harness
from harness import ROOT, folder_content, read

sys.path.insert(0, os.path.join(ROOT, "test", "outreach"))
from scripted import Server  # noqa: E402

SAMPLE = [os.path.join(ROOT, "data", "sample", f"2019-{month}.csv") for month in ("Oct", "Nov", "Dec")]
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
ROW = "2019-10-01 00:00:%02d UTC,cart,p%d,c,,b,1.00,u%d,s\n"
SETTINGS = """
[policy]
offer = percentage
offer_value = 10
coupons = pool
[mail]
sender = hello@shop.example.com
postal_address = 1 Example Street
public_url = https://shop.example.com
"""


class Replay(harness.Scratch):
    def good(self, *words, **how):
        done = self.run_maxcart(*words, **how)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done

    def replay(self, out, *words):
        done = self.good("replay", "--as-live", "--out", self.path(out), *words)
        return folder_content(self.path(out)), done.stderr.decode()


class Order(Replay):
    def test_threads_partitions_and_a_store_change_nothing(self):
        plain, _ = self.replay("plain", "--threads", "1", *SAMPLE)
        for threads in (1, 2, 3):
            for partitions in (1, 2, 5):
                words = ("--threads", str(threads), "--partitions", str(partitions))
                self.assertEqual(self.replay("again", *words, *SAMPLE)[0], plain, words)
        self.assertEqual(self.replay("stored", "--store", self.path("s.db"), "--checkpoint", "64k", *SAMPLE)[0], plain)

    def test_gzip_is_the_same_content(self):
        for name in SAMPLE:
            shutil.copy(name, self.folder)
        plain = self.good("replay", "--as-live", "--json", "--quiet", *SAMPLE).stdout
        packed = []
        for name in SAMPLE:
            packed.append(self.write(os.path.basename(name) + ".gz", gzip.compress(read(name))))
        self.assertEqual(self.good("replay", "--as-live", "--json", "--quiet", *packed).stdout, plain)

    def test_standard_input_says_that_it_has_no_identity(self):
        with open(SAMPLE[0], "rb") as rows:
            done = self.good("replay", "--as-live", "--json", "-", stdin=rows)
        self.assertIn(b"- has no identity", done.stderr)
        self.assertEqual(done.stdout, self.good("replay", "--as-live", "--json", "--quiet", SAMPLE[0]).stdout)

    def test_months_in_the_wrong_order_are_named(self):
        done = self.good("replay", SAMPLE[1], SAMPLE[0])
        self.assertIn("better give the files in this order: %s %s" % (SAMPLE[0], SAMPLE[1]), done.stderr.decode())
        self.assertNotIn(b"warning", self.good("replay", *SAMPLE).stderr)


class Twice(Replay):
    def test_a_file_twice_in_a_run_is_read_once(self):
        once, _ = self.replay("once", SAMPLE[0])
        copy = self.write("copy.csv", read(SAMPLE[0]))
        twice, said = self.replay("twice", SAMPLE[0], copy)
        self.assertEqual(twice, once)
        self.assertIn("is the same file as", said)

    def test_a_file_twice_in_a_store_changes_nothing(self):
        store = self.path("s.db")
        first, _ = self.replay("first", "--store", store, *SAMPLE)
        second, said = self.replay("second", "--store", store, *SAMPLE)
        self.assertEqual(second, first)
        self.assertIn("is in the store already", said)

    def test_a_file_that_has_grown_goes_on(self):
        rows = [ROW % (i, i, i) for i in range(40)]
        growing = self.write("grow.csv", HEADER + "".join(rows[:10]))
        store = self.path("s.db")
        self.replay("first", "--store", store, growing)
        self.write("grow.csv", HEADER + "".join(rows))
        grown, said = self.replay("grown", "--store", store, growing)
        self.assertIn("has grown since it was read", said)
        self.assertIn(b'"rows":40', grown["report.json"].replace(b" ", b""))
        shorter = self.write("short.csv", HEADER + "".join(rows[:10]))
        in_one_run, said = self.replay("one", shorter, growing)
        self.assertIn("begins with all of", said)
        self.assertIn(b'"rows":40', in_one_run["report.json"].replace(b" ", b""))

    def test_a_packed_file_that_has_grown_goes_on_in_one_run(self):
        rows = [ROW % (i % 60, i, i) for i in range(2000)]
        short = self.write("a.csv.gz", gzip.compress((HEADER + "".join(rows[:700])).encode(), mtime=0))
        whole = self.write("b.csv", HEADER + "".join(rows))
        longer = self.write("b.csv.gz", read(short) + gzip.compress("".join(rows[700:]).encode(), mtime=0))
        expected, _ = self.replay("plain", whole)
        for words in ((), ("--store", self.path("s.db"), "--checkpoint", "64k")):
            found, said = self.replay("packed", *words, short, longer)
            self.assertIn("begins with all of", said)
            self.assertEqual(found["report.json"], expected["report.json"])

    def test_a_last_row_that_gets_its_line_feed_later(self):
        first, second = ROW % (1, 1, 1), ROW % (2, 2, 2)
        for late in ("\n", "\r\n", ""):
            store = self.path("lf%d.db" % len(late))
            self.write("rows.csv", HEADER + first.rstrip("\n"))
            self.replay("out", "--store", store, self.path("rows.csv"))
            self.write("rows.csv", HEADER + first.rstrip("\n") + late + (second if late else "0\n" + second))
            found, said = self.replay("out", "--store", store, self.path("rows.csv"))
            report = found["report.json"].replace(b" ", b"")
            self.assertIn(b'"accepted":2,', report)
            self.assertEqual(late == "", b'"malformed_row":1' in report, (late, report))
            self.assertEqual(late == "", "ended within a row" in said)

    def test_rejects_come_back_once(self):
        store = self.path("s.db")
        bad = self.write("bad.csv", HEADER + (ROW % (1, 1, 1)).replace("1.00", "1,00") + (ROW % (2, 2, 2)).replace("1.00", "x"))
        self.replay("out", "--store", store, bad)
        listed = self.good("rejects", "--csv", "--store", store).stdout
        mended = self.write("mended.csv", listed.replace(b",x,u2", b",2.00,u2"))
        said = self.good("rejects", "retry", mended, "--store", store).stdout
        self.assertIn(b"1 rejected rows came in again: 1 accepted, 0 rejected again", said)
        report = self.good("report", "--json", "--store", store).stdout
        again = self.good("rejects", "retry", mended, "--store", store).stdout
        self.assertIn(b"0 rejected rows came in again", again)
        self.assertEqual(self.good("report", "--json", "--store", store).stdout, report)
        left = self.good("rejects", "--csv", "--store", store).stdout.decode().splitlines()
        self.assertEqual(len(left), 2, left)  # the header and the row that nobody mended


class Killed(Replay):
    KILLS = 20

    def make_store(self):
        """Closed, with people, codes and a secret: every run starts from a copy of it."""
        self.write("shop.conf", SETTINGS + "templates = %s\n" % os.path.join(ROOT, "templates"))
        store = self.path("base.db")
        users = sorted({line.split(b",")[7] for name in SAMPLE for line in read(name).splitlines()[1:]})
        people = self.write("people.csv", "user_id,email,consent\n" + "".join(
            "%s,c%s@example.com,yes\n" % (user.decode(), user.decode()) for user in users))
        self.good("subscribers", "import", people, "--store", store)
        codes = self.write("codes.csv", "code\n" + "".join("CODE-%d\n" % i for i in range(50)))
        self.good("coupons", "import", codes, "--store", store)
        return store

    def copy_of(self, base, name):
        for end in ("", "-wal"):
            if os.path.exists(base + end):
                shutil.copy(base + end, self.path(name) + end)
        return self.path(name)

    def words(self, store, out):
        return ("replay", "--as-live", "--quiet", "--config", self.path("shop.conf"), "--store", store, "--out", self.path(out),
                "--checkpoint", "64k", *SAMPLE)

    def run_and_kill(self, words, after_s):
        """True: it was killed. False: it was faster."""
        process = subprocess.Popen([harness.binary, *words], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return True
        self.assertEqual(process.returncode, 0)
        return False

    def test_killed_at_any_instant_and_run_again_is_as_if_not_killed(self):
        base = self.make_store()
        whole = self.copy_of(base, "whole.db")
        self.good(*self.words(whole, "whole"))
        expected = folder_content(self.path("whole"))
        self.assertTrue(any(name.endswith(".eml") for name in expected))
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        kills = rounds = 0
        while kills < self.KILLS and rounds < 4 * self.KILLS:
            rounds += 1
            store = self.copy_of(base, "killed-%d.db" % rounds)
            words = self.words(store, "killed-%d" % rounds)
            while self.run_and_kill(words, rng.uniform(0.002, 0.25)):
                kills += 1
            found = folder_content(self.path("killed-%d" % rounds))
            self.assertEqual(sorted(found), sorted(expected), "seed %d round %d" % (seed, rounds))
            for name in expected:
                self.assertEqual(found[name], expected[name], "seed %d round %d %s" % (seed, rounds, name))
            self.good("report", "--store", store)  # exits 1 when a check is broken
        self.assertGreaterEqual(kills, 1, "the machine was too fast for every kill")
        print("%d kills in %d runs, seed %d" % (kills, rounds, seed))


class TestMail(Replay):
    """preview --send-to: one message to whoever writes the templates."""

    def preview(self, mode, address):
        store = self.path("s.db")
        self.write("shop.conf", SETTINGS + "templates = %s\nsmtp_tls = none\n" % os.path.join(ROOT, "templates"))
        self.replay("out", "--store", store, SAMPLE[0])
        with Server(mode) as server:
            done = self.run_maxcart("preview", "--user", "430174032", "--send-to", address, "--store", store, "--config",
                                    self.path("shop.conf"), env={"MAXCART_MAIL_SMTP_URL": "smtp://127.0.0.1:%d" % server.port})
        return done, [event for event in server.events if event["event"] == "message"]

    def test_it_arrives(self):
        done, mails = self.preview("ok", "marketer@example.com")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"a test was accepted for marketer@example.com", done.stdout)
        self.assertEqual([mail["to"] for mail in mails], [["marketer@example.com"]])

    def test_a_refusal_and_a_bad_address_are_said(self):
        done, mails = self.preview("rcpt550", "marketer@example.com")
        self.assertEqual((done.returncode, mails), (1, []))
        self.assertIn(b"was not accepted (bounced)", done.stderr)
        done, mails = self.preview("ok", "marketer@example.com\nBcc: x@example.com")
        self.assertEqual((done.returncode, mails), (2, []))


class NoEvents(Replay):
    def test_what_is_no_file(self):
        self.bad(1, ["cannot open", "missing.csv"], "replay", self.path("missing.csv"))
        self.bad(1, ["is a directory", self.folder], "replay", self.folder)
        self.bad(2, ["replay needs FILE"], "replay")

    def test_headers_that_cannot_be_used(self):
        self.bad(1, ["empty.csv", "empty"], "replay", self.write("empty.csv", ""))
        self.bad(1, ["part.csv", "no column 'price'"], "replay", self.write("part.csv", HEADER.replace("price,", "")))
        self.bad(1, ["twice.csv", "twice"], "replay", self.write("twice.csv", HEADER.replace("brand", "price")))
        self.bad(1, ["wide.csv", "not UTF-8 text"], "replay", self.write("wide.csv", HEADER.encode("utf-16")))
        self.bad(1, ["binary.csv"], "replay", self.write("binary.csv", bytes(range(256)) * 20))
        self.good("replay", "--no-header", self.path("empty.csv"))

    def test_a_truncated_gzip_names_file_and_position_and_leaves_nothing_half_written(self):
        whole = gzip.compress(read(SAMPLE[0]))
        cut = self.write("cut.csv.gz", whole[:len(whole) // 2])
        self.bad(1, ["cut.csv.gz is a truncated gzip after", "bytes"], "replay", "--out", self.path("out"), cut)
        self.assertEqual(folder_content(self.path("out")), {})

    def test_a_bad_row_is_never_an_error(self):
        rows = [(ROW % (1, 1, 1)).encode(), b"nul\0byte" + (ROW % (2, 2, 2)).encode(), b"x" * (20 << 20) + b"\n", b"\xff\xfe\n",
                (ROW % (3, 3, 3)).encode()]
        name = self.write("rows.csv", HEADER.encode() + b"".join(rows))
        out, _ = self.replay("out", name)
        report = out["report.json"].replace(b" ", b"")
        self.assertIn(b'"rows":5,', report)
        self.assertIn(b'"accepted":2,', report)
        self.assertIn(b"x" * (20 << 20), out["rejects.csv"])

    def test_a_full_disk_is_said_and_loses_nothing(self):
        if os.geteuid() != 0 or not shutil.which("mount"):
            self.skipTest("needs root and mount for a small file system")
        disk = self.path("disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", disk], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("a tmpfs cannot be mounted here")
        try:
            self.bad(1, [disk], "replay", "--as-live", "--out", disk, *SAMPLE)
            self.assertEqual(folder_content(disk), {})
            store = os.path.join(disk, "s.db")
            self.bad(1, ["s.db"], "replay", "--as-live", "--checkpoint", "64k", "--store", store, *SAMPLE)
            subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
            self.assertEqual(self.replay("full", "--store", store, *SAMPLE)[0], self.replay("plain", *SAMPLE)[0])
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_other_settings_do_not_mix_into_an_unfinished_run(self):
        store = self.path("s.db")
        rows = self.write("rows.csv", read(SAMPLE[0]))
        cut = self.write("cut.csv.gz", gzip.compress(read(SAMPLE[1]))[:20000])
        self.bad(1, ["truncated"], "replay", "--store", store, rows, cut)
        self.bad(2, ["was not finished", "gap=10m"], "replay", "--store", store, "--gap", "10m", rows)
        self.good("replay", "--store", store, rows)


if __name__ == "__main__":
    harness.main()
