"""Mails with hostile names, read by Python's email package: no defect, and each name comes back as the one line it is.

    mime_check.py PATH-OF-outreach_deliver
"""

import email
import email.policy
import pathlib
import subprocess
import sys
import tempfile

FIELDS = ["From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted",
          "MIME-Version", "Content-Type"]
BODY = ("A line\n.\n..\nFrom here\n\nand a long one: " + "0123456789" * 9 + "0\nna\u00efve \u674e\u96f7\n")


def one_line(raw):
    """What src/outreach/text.c promises, written again."""
    text = []
    position = 0
    while position < len(raw):
        for length in (1, 2, 3, 4):
            try:
                text.append(raw[position:position + length].decode("utf-8"))
                position += length
                break
            except UnicodeDecodeError:
                pass
        else:
            text.append("\ufffd")
            position += 1
    kept = "".join(" " if c <= " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029" else c for c in text)
    kept = "".join(c for c in kept if not ("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"))
    return " ".join(word for word in kept.split(" ") if word)


def check(raw, name):
    assert b"\n" not in raw.replace(b"\r\n", b""), "bare LF"
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail.keys() == FIELDS, mail.keys()
    for part in mail.walk():
        assert not part.defects, part.defects
    for field, value in mail.items():
        assert not getattr(value, "defects", ()), (field, value.defects)
    assert mail["From"].addresses[0].addr_spec == "shop@lumen.example"
    assert mail["To"].addresses[0].addr_spec == "zoe@example.com"
    assert len(mail["From"].addresses) == len(mail["To"].addresses) == 1
    if name is not None:
        assert mail["Subject"] == name, (mail["Subject"], name)
        assert mail["From"].addresses[0].display_name == name, (mail["From"].addresses[0].display_name, name)
        assert mail["To"].addresses[0].display_name == name
    assert mail["Date"].datetime.timestamp() == 1764000000
    assert mail["Message-ID"] == "<0123456789abcdef@lumen.example>"
    assert mail["List-Unsubscribe"] == "<https://shop.example/u/abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part in parts:
        body = part.get_content().replace("\r\n", "\n")
        assert body == BODY, (body, BODY)


def hostile_names():
    """The list of sample.h; the count is checked against what the driver wrote."""
    return [
        b"Eve\r\nBcc: all@example.com", b"Eve\nBcc: all@example.com\n\nbody", b"Eve\rX: y", b"Eve\0Bcc: x@example.com",
        b"Eve\xe2\x80\xa8Bcc: x", b"Eve\xe2\x80\xa9Bcc: x", b"Eve\xc2\x85Bcc: x", b"\xe2\x80\xaegnp.eve",
        b"<script>alert(1)</script>", b'"><img src=x onerror=alert(1)>', b"' onmouseover='alert(1)",
        b"</title></td></table><h1>", b"{{restore_url}}{{{coupon}}}{{#items}}", b"{{=<% %>=}}<%unsubscribe_url%>",
        b"{{>cart}}", b"=?UTF-8?Q?Bcc:_x?=", b"=?utf-8?b?DQpCY2M6IHg=?=", b'" <evil@example.com>, "',
        b"a, b; c: d <e>", b'back\\slash " quote', b"\xff\xfe\xc0\x80", b"\xed\xa0\x80\xf5\x80\x80\x80", b"",
        b"   \t  ", "Zo\u00eb \u674e\u96f7 \U0001f6d2".encode(),
    ]


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], "mime", folder + "/m"], check=True)
        names = hostile_names()
        files = list(pathlib.Path(folder).iterdir())
        assert len(files) == len(names) + 1, len(files)
        for number, name in enumerate(names):
            check(pathlib.Path(f"{folder}/m-{number}.eml").read_bytes(), one_line(name))
        long = pathlib.Path(f"{folder}/m-{len(names)}.eml").read_bytes()
        check(long, None)
        subject = email.message_from_bytes(long, policy=email.policy.default)["Subject"]
        whole = "\u00c4rger \U0001f6d2" * 60
        assert subject.endswith("\u2026") and whole.startswith(subject[:-1]) and len(subject.encode()) <= 600
    print(f"{len(names) + 1} mails")


if __name__ == "__main__":
    main()
