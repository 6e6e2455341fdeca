"""From claimed messages of a real ledger to a spool or a mail server: src/outreach/mailer.h.

    mailer_check.py PATH-OF-outreach_deliver
"""

import email
import email.policy
import pathlib
import subprocess
import sys
import tempfile

from scripted import Server, drive

DRIVER = sys.argv[1]


def mailer(folder, *arguments):
    return drive(DRIVER, "mailer", f"{folder}/store.db", *arguments)[0]


def in_folder(check):
    with tempfile.TemporaryDirectory() as folder:
        check(folder)


def spool_of(folder):
    return {p.name: p.read_bytes() for p in pathlib.Path(folder, "out").iterdir()}


def check_mail(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not mail.defects and mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for part in (text, html):
        assert "https://shop.example/mc/r/" in part and "https://shop.example/mc/u/" in part
        assert "12 Harbour Street, Dublin" in part
        assert "example.com" not in part and "u00" not in part.split("@")[0], "no id or address in clear"
    assert "Soap & <Water>" in text and "Soap &amp; &lt;Water&gt;" in html
    assert "Zo\u00eb &lt;b&gt;" in html and "<b>" not in html
    assert 'src="https://shop.example/p1.png"' in html and "https://shop.example/p1?a=1&amp;b=2" in html
    return text


def spool_gets_replayed(folder):
    """Two runs: the second has nothing to do. The same store made again gives the same bytes."""
    first = mailer(folder, f"spool={folder}/out", "carts=150")
    assert first["spooled"] == 150 and first["states"] == {"sent": 150}, first
    files = spool_of(folder)
    assert len(files) == 150
    languages = [check_mail(raw) for raw in files.values()]
    assert sum("Hello" in text for text in languages) == sum("Guten Tag" in text for text in languages) == 75
    again = mailer(folder, f"spool={folder}/out", "carts=150")
    assert again["spooled"] == 0 and again["states"] == {"sent": 150}, again
    with tempfile.TemporaryDirectory() as other:
        mailer(other, f"spool={other}/out", "carts=150")
        assert spool_of(other) == files


def replayed_never_to_smtp(folder):
    with Server("ok") as server:
        alone = mailer(folder, f"url={server.url}", "tls=none")
        assert alone["accepted"] == 0 and alone["states"] == {"claimed": 3}, alone
        both = mailer(folder, f"url={server.url}", "tls=none", f"spool={folder}/out")
    assert both["spooled"] == 3 and both["states"] == {"sent": 3}, both
    assert server.count("connect") == 0


def live_goes_to_smtp(folder):
    with Server("ok") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live", f"spool={folder}/out", "carts=70")
        again = mailer(folder, f"url={server.url}", "tls=none", "live", f"spool={folder}/out", "carts=70")
    assert run["accepted"] == 70 and run["states"] == {"sent": 70} and run["spooled"] == 0, run
    assert again["accepted"] == 0 and server.count("message") == 70 and server.count("connect") == 1
    assert len({m["to"][0] for m in server.messages()}) == 70
    for message in server.messages()[:2]:
        assert message["from"] == "shop@lumen.example"
        check_mail(message["data"].encode("latin-1"))


def retry_waits_then_goes(folder):
    with Server("once_rcpt450") as server:
        arguments = (f"url={server.url}", "tls=none", "live")
        first = mailer(folder, *arguments)
        assert first["retry"] == 3 and first["states"] == {"retry": 3}, first
        early = mailer(folder, *arguments, "at=59")
        assert early["accepted"] == 0 and early["states"] == {"retry": 3}, early
        later = mailer(folder, *arguments, "at=60")
        assert later["accepted"] == 3 and later["states"] == {"sent": 3}, later


def retries_end(folder):
    with Server("rcpt450") as server:
        at, runs = 0, 0
        given_up = 0
        while given_up < 3:
            run = mailer(folder, f"url={server.url}", "tls=none", "live", f"at={at}")
            given_up += run["given_up"]
            at, runs = at + 3600, runs + 1
            assert runs <= 10, run
        last = mailer(folder, f"url={server.url}", "tls=none", "live", f"at={at + 10 ** 8}")
    assert runs == 10 and last["retry"] == 0 and last["states"] == {"failed": 3}, (runs, last)


def bounce_is_final(folder):
    with Server("rcpt550") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live")
        again = mailer(folder, f"url={server.url}", "tls=none", "live", "at=100000")
    assert run["bounced"] == 3 and run["states"] == {"bounced": 3}, run
    assert again["bounced"] == 0 and again["states"] == {"bounced": 3}, again


def lost_answer_is_unknown(folder):
    with Server("drop_end") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live")
        mailer(folder, f"url={server.url}", "tls=none", "live", "at=100000")
    assert run["unknown"] == 3 and run["states"] == {"unknown": 3}, run
    assert server.count("message") == 3, "never sent again"


def lost_answer_resent_if_set(folder):
    with Server("drop_end") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live", "resend")
    assert run["states"] == {"retry": 3}, run
    with Server("ok") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live", "resend", "at=60")
    assert run["states"] == {"sent": 3}, run


def a_server_that_is_down_pauses(folder):
    """One message finds out; the others are not touched, and none is lost however long it lasts."""
    with Server("greet421") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live")
    assert run["down"] == 1 and run["paused"] and run["states"] == {"claimed": 2, "retry": 1}, run
    assert server.count("connect") == 1
    for minute in range(12):
        with Server("greet554") as server:
            run = mailer(folder, f"url={server.url}", "tls=none", "live", f"at={(minute + 1) * 7200}")
        assert run["given_up"] == 0, run
    with Server("ok") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live", "at=1000000")
    assert run["states"] == {"sent": 3}, run


def killed_while_sending(folder):
    subprocess.run([DRIVER, "mailer-killed", f"{folder}/store.db"], check=True, timeout=60)
    with Server("ok") as server:
        run = mailer(folder, f"url={server.url}", "tls=none", "live")
    assert run["states"] == {"sent": 2, "unknown": 1} and server.count("message") == 2, run


def preview_shows(folder):
    mailer(folder, f"spool={folder}/out")
    html = subprocess.run([DRIVER, "preview", f"{folder}/store.db", "u001"], capture_output=True, text=True, check=True,
                          timeout=60).stdout
    assert "Guten Tag" in html and "Soap &amp; &lt;Water&gt;" in html and "28,99" in html, html
    nobody = subprocess.run([DRIVER, "preview", f"{folder}/store.db", "nobody"], capture_output=True, text=True,
                            check=True, timeout=60).stdout
    assert nobody == "none"


def main():
    for check in (spool_gets_replayed, replayed_never_to_smtp, live_goes_to_smtp, retry_waits_then_goes, retries_end,
                  bounce_is_final, lost_answer_is_unknown, lost_answer_resent_if_set, a_server_that_is_down_pauses,
                  killed_while_sending, preview_shows):
        in_folder(check)
        print(check.__name__)


if __name__ == "__main__":
    main()
