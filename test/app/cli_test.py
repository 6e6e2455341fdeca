"""maxcart's manners: exit codes, one sentence on standard error, nothing half-written. Usage: cli_test.py MAXCART"""
import os
import sqlite3
import subprocess

import harness
from harness import clean_environment, read

NOBODY = 65534


class Cli(harness.Scratch):
    def setUp(self):
        super().setUp()
        self.store = self.path("shop.db")

    def good(self, *words, **how):
        done = self.run_maxcart(*words, **how)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return done.stdout.decode()

    def bad(self, code, parts, *words, **how):
        """As everywhere, in one sentence."""
        said = super().bad(code, parts, *words, **how)
        self.assertTrue(said.startswith("maxcart: ") and said.endswith("\n") and said.count("\n") == 1, said)
        return said

    def make_store(self):
        people = self.write("people.csv", "user_id,email,consent\nu1,ana@example.com,yes\n")
        self.good("subscribers", "import", people, "--store", self.store)


class Usage(Cli):
    def test_no_command_is_a_usage_error_with_help(self):
        done = self.run_maxcart()
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"Usage: maxcart COMMAND", done.stderr)

    def test_help_and_version(self):
        for words in (["help"], ["--help"], ["-h"]):
            self.assertIn("Commands:", self.good(*words))
        self.assertIn("--since TIME", self.good("help", "carts"))
        self.assertEqual(self.good("--version"), self.good("version"))
        self.assertRegex(self.good("version"), r"^maxcart \d+\.\d+\.\d+\n$")

    def test_help_needs_no_good_settings(self):
        self.write("maxcart.conf", "[nonsense\n")
        self.assertIn("visit", self.good("config", "--help"))
        self.assertIn("Commands:", self.good("help", env={"MAXCART_NONSENSE": "1"}))

    def test_mistakes(self):
        self.bad(2, ["no command 'crats'", "did you mean carts?"], "crats")
        self.bad(2, ["the command comes first"], "--store", "x")
        self.bad(2, ["--limt", "did you mean --limit?"], "carts", "--limt", "3")
        self.bad(2, ["--limit", "whole number", "'x'"], "carts", "--limit", "x")
        self.bad(2, ["--json and --csv"], "carts", "--json", "--csv", "--store", "x")
        self.bad(2, ["does not take 'extra'"], "carts", "extra")
        self.bad(2, ["why needs USER"], "why")
        self.bad(2, ["'imprt' is none of import|list|count"], "coupons", "imprt")
        self.bad(2, ["--user ID or --cart SESSION"], "preview")
        self.bad(2, ["config needs"], "config")

    def test_a_store_must_be_named(self):
        for words in (["report"], ["carts"], ["why", "u"], ["subscribers", "count"]):
            self.bad(2, ["--store FILE", "MAXCART_STORE_PATH"], *words)


class Settings(Cli):
    def test_mistakes_name_file_and_line(self):
        self.write("x.conf", "[visit]\ngap = 366d\n")
        self.bad(2, ["x.conf:2: gap takes a duration from 1s to 365d, not '366d'"], "config", "--print", "--config", "x.conf")

    def test_the_file_of_the_folder_is_read(self):
        self.write("maxcart.conf", "[visit]\ngap = 10m\n")
        shown = self.good("config", "--print", "--csv", env={"MAXCART_POLICY_DELAY": "1h"})
        self.assertIn("visit.gap,10m,maxcart.conf:2\n", shown)
        self.assertIn("policy.delay,1h,MAXCART_POLICY_DELAY\n", shown)
        self.assertIn("policy.holdout,5%,default\n", shown)

    def test_a_missing_file_a_directory_a_variable(self):
        self.bad(1, ["none.conf", "No such file"], "config", "--print", "--config", "none.conf")
        self.bad(1, [self.folder, "Is a directory"], "config", "--print", "--config", self.folder)
        self.bad(2, ["MAXCART_VISIT_GPA", "MAXCART_VISIT_GAP"], "report", env={"MAXCART_VISIT_GPA": "1m"})

    def test_a_password_is_not_shown(self):
        shown = self.good("config", "--print", env={"MAXCART_MAIL_SMTP_PASSWORD": "hunter2"})
        self.assertIn("********", shown)
        self.assertNotIn("hunter2", shown)

    def test_the_store_can_come_from_the_environment_and_an_option_stands_above(self):
        self.make_store()
        self.assertIn("1 subscribers", self.good("subscribers", "count", env={"MAXCART_STORE_PATH": self.store}))
        self.bad(1, ["none.db"], "subscribers", "count", "--store", "none.db", env={"MAXCART_STORE_PATH": self.store})


class Stores(Cli):
    def test_what_is_no_store(self):
        self.bad(1, [self.path("none.db")], "report", "--store", self.path("none.db"))
        self.assertFalse(os.path.exists(self.path("none.db")))
        self.bad(1, [self.folder], "report", "--store", self.folder)
        text = self.write("text.db", "this is no database at all, but long enough to be looked at\n" * 20)
        self.bad(1, [text], "report", "--store", text)
        self.bad(1, [text], "subscribers", "import", self.write("p.csv", "user_id,email\n"), "--store", text)
        self.assertIn(b"this is no database", read(text))

    def test_a_store_of_a_newer_version(self):
        self.make_store()
        db = sqlite3.connect(self.store)
        db.execute("pragma user_version = 99999")
        db.commit()
        db.close()
        self.bad(1, [self.store, "newer"], "report", "--store", self.store)
        self.bad(1, [self.store, "newer"], "subscribers", "import", self.path("people.csv"), "--store", self.store)

    def as_nobody(self):
        """Root may write anything: then the command is run as a user who may not."""
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}

    def test_a_read_only_store_is_read_and_not_written(self):
        self.make_store()
        os.chmod(self.store, 0o444)
        os.chmod(self.folder, 0o555)
        before = read(self.store)
        try:
            self.assertIn("1 subscribers", self.good("subscribers", "count", "--store", self.store, **self.as_nobody()))
            self.bad(1, [self.store], "subscribers", "import", "people.csv", "--store", self.store, **self.as_nobody())
        finally:
            os.chmod(self.folder, 0o755)
        self.assertEqual(before, read(self.store))

    def test_a_second_writer_is_told(self):
        self.make_store()
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        first = subprocess.Popen([harness.binary, "subscribers", "import", pipe, "--store", self.store],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        with open(pipe, "wb") as f:  # returns when the first one has the store and opens the pipe
            self.bad(1, [self.store], "subscribers", "import", self.path("people.csv"), "--store", self.store)
            self.assertIn("1 subscribers", self.good("subscribers", "count", "--store", self.store))  # readers may
            f.write(b"user_id,email\nu9,nine@example.com\n")
        self.assertEqual(first.communicate(timeout=60)[1], b"")
        self.assertIn("2 subscribers", self.good("subscribers", "count", "--store", self.store))

    def test_a_new_store_shows_zeros_and_no_broken_rule(self):
        self.make_store()
        shown = self.good("report", "--store", self.store)
        self.assertNotIn("BROKEN", shown)
        self.assertIn("OK", shown)


class Imports(Cli):
    def test_bad_rows_are_named_and_the_rest_imported(self):
        people = self.write("people.csv", b'\xef\xbb\xbfEMAIL, shoe size ,user_id,Consent\r\n'
                            b'ana@example.com,38,u1,yes\r\n'
                            b'no address,39,u2,yes\r\n'
                            b'"b"ad,40,u3,yes\r\n'
                            b'dee@example.com,41\r\n'
                            b'"eve@example.com","4""2",u5,maybe\r\n'
                            b'f\xff@example.com,43,u6,yes\r\n'
                            b'\r\n'
                            b'gus@example.com,44,u7,')
        shown = self.good("subscribers", "import", people, "--store", self.store)
        for number in (2, 3, 4, 5, 6):
            self.assertRegex(shown, r"(?m)^row %d refused: ." % number)
        self.assertIn("columns not used: shoe size\n", shown)
        self.assertIn("2 subscribers imported, 5 rows refused\n", shown)
        self.assertIn("2 subscribers,", self.good("subscribers", "count", "--store", self.store))

    def test_a_dry_run_changes_nothing(self):
        people = self.write("people.csv", "user_id,email\nu1,ana@example.com\nu2,nothing\n")
        shown = self.good("subscribers", "import", people, "--dry-run", "--store", self.store)
        self.assertIn("row 2 refused", shown)
        self.assertIn("1 subscribers imported, 1 rows refused (a dry run: nothing was changed)", shown)
        self.assertEqual(os.listdir(self.folder), ["people.csv"])
        self.make_store()
        self.good("subscribers", "import", self.write("more.csv", "user_id,email\nu2,b@example.com\n"), "--dry-run",
                  "--store", self.store)
        self.assertIn("1 subscribers", self.good("subscribers", "count", "--store", self.store))

    def test_standard_input(self):
        with open(self.write("c.csv", "code\nA1\nA2\nA1\n")) as f:
            shown = self.good("coupons", "import", "-", "--store", self.store, stdin=f)
        self.assertIn("row 3 refused: ", shown)
        self.assertIn("2 coupons imported, 1 rows refused", shown)
        self.assertIn("2 coupons left, 0 given", self.good("coupons", "count", "--store", self.store))

    def test_a_list_as_csv_can_be_imported_again(self):
        columns = {
            "subscribers": "user_id,email,first_name,consent,language,time_zone\n"
                           "u1,ana@example.com,Ana,yes,de,Europe/Berlin\nu2,,\"B, \"\"b\"\"\",no,,\nu3,c@example.com,,unknown,,\n",
            "catalogue": "product_id,name,image_url,url\np1,Soap,https://a.example/1.png,https://a.example/1\np2,,,\n",
        }
        for command, text in columns.items():
            self.good(command, "import", self.write(command + ".csv", text), "--store", self.store)
            listed = self.good(command, "list", "--csv", "--store", self.store)
            self.assertEqual(listed, text)
            shown = self.good(command, "import", self.write("again.csv", listed), "--store", self.store)
            self.assertIn(" 0 rows refused", shown)
            self.assertEqual(self.good(command, "list", "--csv", "--store", self.store), text)
        self.assertEqual("2 products\n", self.good("catalogue", "count", "--store", self.store))
        self.assertIn("3 subscribers,", self.good("subscribers", "count", "--store", self.store))

    def test_a_long_list_comes_whole_and_in_order(self):
        rows = sorted("p%d" % i for i in range(2000))
        self.good("catalogue", "import", self.write("c.csv", "product_id,name\n" + "".join(r + ",x\n" for r in rows)),
                  "--store", self.store)
        listed = self.good("catalogue", "list", "--csv", "--store", self.store).splitlines()[1:]
        self.assertEqual([line.split(",")[0] for line in listed], rows)
        self.assertIn("(the first 100; --limit 0 shows all)", self.good("catalogue", "list", "--store", self.store))
        self.bad(2, ["'x' is one word too many"], "catalogue", "list", "x", "--store", self.store)

    def test_coupons_are_listed_in_order_of_import(self):
        self.good("coupons", "import", self.write("c.csv", "code,expires_at\nZ9,2030-01-31\nA1,\n"), "--store",
                  self.store)
        self.assertEqual(self.good("coupons", "list", "--csv", "--store", self.store).splitlines()[1:],
                         ["Z9,2030-01-31T00:00:00Z,,false,", "A1,,,false,"])

    def test_files_that_cannot_be_imported(self):
        for parts, content in ((["is empty"], b""), (["no column email"], b"user_id\n"),
                               (["names the column email twice"], b"user_id,email,Email\n"),
                               (["header", "quoted"], b'user_id,"email\n'), (["header", "UTF-8"], b"user_id,email,\xff\n"),
                               (["header", "NUL"], b"user_id,email,\0\n")):
            name = self.write("x.csv", content)
            self.bad(1, [name, *parts], "subscribers", "import", name, "--store", self.store)
        self.bad(1, ["none.csv", "No such file"], "catalogue", "import", "none.csv", "--store", self.store)
        self.bad(1, [self.folder, "Is a directory"], "catalogue", "import", self.folder, "--store", self.store)
        self.bad(2, ["one file"], "catalogue", "import", "--store", self.store)

    def test_a_failed_import_leaves_the_store_as_it_was(self):
        self.make_store()
        self.bad(1, ["no column"], "subscribers", "import", self.write("x.csv", "a,b\n"), "--store", self.store)
        self.assertIn("1 subscribers", self.good("subscribers", "count", "--store", self.store))


class Output(Cli):
    def test_a_full_disk_is_said(self):
        with open("/dev/full", "wb") as full:
            self.bad(1, ["cannot write standard output", "No space left"], "help", stdout=full)

    def test_a_reader_who_went_away_is_no_news(self):
        reading, writing = os.pipe()
        os.close(reading)
        done = self.run_maxcart("help", stdout=writing)
        os.close(writing)
        self.assertEqual((done.returncode, done.stderr), (1, b""))

    def test_closed_standard_output_is_an_error(self):
        self.make_store()
        before = read(self.store)
        done = subprocess.run(["sh", "-c", '"$0" report --store "$1" >&-', harness.binary, self.store], stderr=subprocess.PIPE,
                              env=clean_environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write standard output", done.stderr)
        self.assertEqual(before, read(self.store))


if __name__ == "__main__":
    harness.main()
