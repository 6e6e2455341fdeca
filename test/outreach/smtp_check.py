"""Every way in which a mail server can answer or not, and the outcome that src/outreach/smtp.h promises for it.

    smtp_check.py PATH-OF-outreach_deliver
"""

import asyncio
import email
import email.policy
import sys
import tempfile

from scripted import Server, drive, make_certificate

DRIVER = sys.argv[1]

# mode: outcome, code, messages that the server has
CASES = {
    "ok": ("accepted", 250, 1),
    "greet421": ("down", 421, 0),
    "greet554": ("down", 554, 0),
    "mail550": ("refused", 550, 0),
    "rcpt450": ("retry", 450, 0),
    "rcpt550": ("bounced", 550, 0),
    "rcpt5507": ("refused", 550, 0),
    "data451": ("retry", 451, 0),
    "data554": ("bounced", 554, 0),
    "end451": ("retry", 451, 0),
    "end554": ("bounced", 554, 0),
    "drop_mail": ("down", 0, 0),
    "drop_end": ("unknown", 354, 1),
}


def plain(server, count, *arguments):
    return drive(DRIVER, "smtp", server.url, str(count), "tls=none", *arguments)


def check_outcomes():
    for mode, (outcome, code, messages) in CASES.items():
        with Server(mode) as server:
            answers = plain(server, 1)
        assert (answers[0]["outcome"], answers[0]["code"]) == (outcome, code), (mode, answers)
        assert server.count("message") == messages, (mode, server.events)


def check_cut_message():
    """The server goes away within the message: it may or may not have had all of it when we noticed, but a message
    that was not all sent is never called sent."""
    with Server("drop_data") as server:
        answers = plain(server, 1)
    assert answers[0]["outcome"] in ("down", "unknown"), answers
    assert server.count("message") == 0


def check_nobody_listens():
    with Server("ok") as server:
        pass
    assert plain(server, 1)[0]["outcome"] == "down"


def check_reuse():
    """One connection for many; a new one, and no failure, where the server has had enough of it."""
    with Server("ok") as server:
        answers = plain(server, 20)
    assert [a["outcome"] for a in answers] == ["accepted"] * 20 and server.count("connect") == 1, server.events
    for mode in ("limit_close", "limit421", "limit452"):
        with Server(mode, "--limit", "3") as server:
            answers = plain(server, 10)
        assert [a["outcome"] for a in answers] == ["accepted"] * 10, (mode, answers)
        assert server.count("message") == 10 and server.count("connect") == 4, (mode, server.events)


def check_tls(folder):
    certificate, key = make_certificate(folder)
    with Server("starttls", "--tls", certificate, key) as server:
        url = f"smtp://localhost:{server.port}"
        accepted = drive(DRIVER, "smtp", url, "3", f"ca={certificate}")
        unknown_authority = drive(DRIVER, "smtp", url, "1")
        not_encrypted = drive(DRIVER, "smtp", url, "1", "tls=none")
    assert [a["outcome"] for a in accepted] == ["accepted"] * 3, accepted
    assert all(m["tls"] for m in server.messages()) and len(server.messages()) == 3
    assert unknown_authority[0]["outcome"] == "down", unknown_authority
    assert not_encrypted[0]["outcome"] == "refused", not_encrypted
    with Server("ok") as server:
        answers = drive(DRIVER, "smtp", server.url, "1")
    assert answers[0]["outcome"] == "down" and not server.messages(), "a server without STARTTLS gets nothing"


def check_auth():
    with Server("auth") as server:
        good = plain(server, 2, "user=user", "password=secret")
        bad = plain(server, 1, "user=user", "password=wrong")
        none = plain(server, 1)
    assert [a["outcome"] for a in good] == ["accepted"] * 2, good
    assert bad[0]["outcome"] == "down" and "wrong" not in bad[0]["text"], bad
    assert none[0]["outcome"] == "refused", none
    message = drive(DRIVER, "smtp", "smtp://mail.example.com:25", "1", "tls=none", "user=user", "password=secret", code=1)
    assert "unencrypted" in message, message


def check_settings():
    for url in ("", "mail.example.com", "http://mail.example.com", "smtp://user:secret@mail.example.com", "smtp://"):
        message = drive(DRIVER, "smtp", url, "1", code=1)
        assert "smtp://HOST:PORT" in message and "secret" not in message, (url, message)


def check_bytes():
    """A server that others wrote takes the mail and has it as it was sent."""
    from aiosmtpd.controller import UnthreadedController

    class Keep:
        def __init__(self):
            self.envelopes = []

        async def handle_DATA(self, server, session, envelope):
            self.envelopes.append(envelope)
            return "250 2.0.0 kept"

    async def run():
        keep = Keep()
        loop = asyncio.get_running_loop()
        controller = UnthreadedController(keep, hostname="127.0.0.1", port=0, loop=loop)
        server = await controller._create_server()
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(DRIVER, "smtp", f"smtp://127.0.0.1:{port}", "2", "tls=none",
                                                       stdout=asyncio.subprocess.PIPE)
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        server.close()
        return keep.envelopes, output

    envelopes, output = asyncio.run(run())
    assert output.count(b'"accepted"') == 2 and len(envelopes) == 2, output
    assert envelopes[0].content == envelopes[1].content
    assert envelopes[0].mail_from == "shop@lumen.example" and envelopes[0].rcpt_tos == ["zoe@example.com"]
    mail = email.message_from_bytes(envelopes[0].content, policy=email.policy.default)
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "\n.\n..\nFrom here\n" in text and "na\u00efve \u674e\u96f7" in text, text


def main():
    check_outcomes()
    check_cut_message()
    check_nobody_listens()
    check_reuse()
    with tempfile.TemporaryDirectory() as folder:
        check_tls(folder)
    check_auth()
    check_settings()
    check_bytes()
    print("smtp: all outcomes as promised")


if __name__ == "__main__":
    main()
