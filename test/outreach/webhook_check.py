"""Every way in which a shop's service can answer or not, and the outcome that src/outreach/webhook.h promises for it;
then messages of a real ledger.

    webhook_check.py PATH-OF-outreach_deliver
"""

import hashlib
import hmac
import json
import sys
import tempfile

from scripted import Hook, drive, make_certificate

DRIVER = sys.argv[1]
SECRET = "a secret of 16 bytes"

# mode: outcome, code; the service has one request
CASES = {
    "200": ("accepted", 200),
    "202": ("accepted", 202),
    "204": ("accepted", 204),
    "301": ("refused", 301),
    "302": ("refused", 302),
    "304": ("refused", 304),
    "400": ("bounced", 400),
    "401": ("refused", 401),
    "403": ("refused", 403),
    "404": ("bounced", 404),
    "405": ("refused", 405),
    "408": ("retry", 408),
    "409": ("retry", 409),
    "410": ("bounced", 410),
    "413": ("bounced", 413),
    "422": ("bounced", 422),
    "425": ("retry", 425),
    "429": ("retry", 429),
    "500": ("retry", 500),
    "503": ("retry", 503),
    "599": ("retry", 599),
    "drop_end": ("unknown", 0),
    "endless": ("accepted", 200),
}


def post(server, count, *arguments):
    return drive(DRIVER, "webhook", server.url + "/hook?a=1", str(count), *arguments)


def check_outcomes():
    with Hook("path") as server:
        answers = {mode: drive(DRIVER, "webhook", f"{server.url}/{mode}", "1")[0] for mode in CASES}
    paths = [r["path"] for r in server.requests()]
    assert paths == ["/" + mode for mode in CASES], paths
    for mode, (outcome, code) in CASES.items():
        answer = answers[mode]
        assert (answer["outcome"], answer["code"]) == (outcome, code), (mode, answer)
        assert answer["retry_after"] == (120 if mode in ("429", "503") else 0), (mode, answer)
        if 300 <= code and code != 304:
            assert answer["text"] == f"HTTP {code} said words", answer
    with Hook("later_date") as server:
        assert post(server, 1)[0]["retry_after"] == 3600, "no longer than an hour"


def check_cut_request():
    """Closed before the request was read: sent in full or not, it is never called accepted, nor sent again."""
    for mode in ("drop_open", "drop_headers"):
        with Hook(mode) as server:
            answers = post(server, 2)
        assert all(a["outcome"] in ("down", "unknown") for a in answers), (mode, answers)
        assert server.count("connect") == 2 and not server.requests(), (mode, server.events)


def check_no_answer():
    with Hook("hang") as server:
        answer = post(server, 1, "impatient")[0]
    assert answer["outcome"] == "unknown" and len(server.requests()) == 1, answer
    with Hook("200") as server:
        pass
    assert post(server, 1)[0]["outcome"] == "down"


def check_reuse():
    """One connection for many. One that dies with a request on it is no reason to send that request again (libcurl
    makes a new connection for that, then finds that it cannot)."""
    with Hook("200") as server:
        answers = post(server, 20)
    assert [a["outcome"] for a in answers] == ["accepted"] * 20 and server.count("connect") == 1, server.events
    with Hook("drop_second") as server:
        answers = post(server, 4)
    assert [a["outcome"] for a in answers] == ["accepted", "unknown"] * 2, answers
    keys = [r["headers"]["idempotency-key"] for r in server.requests()]
    assert len(keys) == len(set(keys)) == 4, server.events


def check_request():
    with Hook("200") as server:
        post(server, 1)
    request = server.requests()[0]
    headers = request["headers"]
    assert (request["method"], request["path"], request["body"]) == ("POST", "/hook?a=1", '{"a":1}'), request
    assert headers["content-type"] == "application/json" and headers["idempotency-key"] == "0" * 32, headers
    assert "expect" not in headers and "transfer-encoding" not in headers, headers
    assert headers["user-agent"].startswith("MaxCart/"), headers
    check_signature(request, 1764000000)


def check_signature(request, time):
    signed = hmac.new(SECRET.encode(), f"{time}.{request['body']}".encode(), hashlib.sha256).hexdigest()
    assert request["headers"]["x-maxcart-signature"] == f"t={time},v1={signed}", request


def check_private_addresses():
    with Hook("200") as server:
        for host in ("127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{server.port}/"
            answer = drive(DRIVER, "webhook", url, "1", "public-only")[0]
            assert answer["outcome"] == "refused" and "private" in answer["text"], (url, answer)
    assert server.count("connect") == 0, server.events


def check_tls(folder):
    certificate, key = make_certificate(folder)
    with Hook("200", "--tls", certificate, key) as server:
        url = f"https://localhost:{server.port}/"
        good = drive(DRIVER, "webhook", url, "3", f"ca={certificate}")
        unknown_authority = drive(DRIVER, "webhook", url, "1")
        plain = drive(DRIVER, "webhook", f"http://localhost:{server.port}/", "1")
    assert [a["outcome"] for a in good] == ["accepted"] * 3, good
    assert unknown_authority[0]["outcome"] == "down" and len(server.requests()) == 3, unknown_authority
    assert plain[0]["outcome"] != "accepted", plain


def check_ledger():
    """The same ledger, the same guarantees as with a mail server."""
    with tempfile.TemporaryDirectory() as folder, Hook("once_503") as server:
        arguments = (f"{folder}/s.db", f"webhook={server.url}/hook", "live", "carts=5")
        first = drive(DRIVER, "mailer", *arguments)[0]
        early = drive(DRIVER, "mailer", *arguments, "at=119")[0]
        later = drive(DRIVER, "mailer", *arguments, "at=120")[0]
    assert first["retry"] == 5 and first["states"] == {"retry": 5}, first
    assert early["accepted"] == early["retry"] == 0, "Retry-After is kept to"
    assert later["accepted"] == 5 and later["states"] == {"sent": 5}, later
    bodies = [json.loads(r["body"]) for r in server.requests()]
    assert [b["user_id"] for b in bodies] == ["u004", "u003", "u002", "u001", "u000"] * 2, "newest first"
    assert [b["message_id"] for b in bodies] == [r["headers"]["idempotency-key"] for r in server.requests()]
    assert bodies[0]["email"] == "u004@example.com" and bodies[0]["cart"]["value_minor"] == 2899, bodies[0]
    assert bodies[0]["cart"]["items"][0]["name"] == "Soap & <Water>", bodies[0]
    assert bodies[0]["links"]["restore"].startswith("https://shop.example/mc/r/"), bodies[0]
    for request in server.requests():
        check_signature(request, int(request["headers"]["x-maxcart-signature"].split(",")[0][2:]))


def check_bounce_suppresses_nobody():
    """What the service will never take is given up; the person may still be written to."""
    with tempfile.TemporaryDirectory() as folder, Hook("422") as server:
        run = drive(DRIVER, "mailer", f"{folder}/s.db", f"webhook={server.url}", "live")[0]
        assert run["bounced"] == 3 and run["states"] == {"failed": 3} and run["suppressions"] == 0, run


def check_refusal_pauses():
    with tempfile.TemporaryDirectory() as folder, Hook("401") as server:
        run = drive(DRIVER, "mailer", f"{folder}/s.db", f"webhook={server.url}", "live")[0]
    assert run["refused"] == 1 and run["paused"] and run["states"] == {"claimed": 2, "retry": 1}, run


def main():
    check_outcomes()
    check_cut_request()
    check_no_answer()
    check_reuse()
    check_request()
    check_private_addresses()
    with tempfile.TemporaryDirectory() as folder:
        check_tls(folder)
    check_ledger()
    check_bounce_suppresses_nobody()
    check_refusal_pauses()
    print("webhook: all outcomes as promised")


if __name__ == "__main__":
    main()
