"""A slow model of the live service: the entries of its log in, what its store must hold out.

Visits, carts, clock and duplicates are test/model/model.py's, which is fed one event after the other. Here is what live
adds: bodies of JSON, ticks, the arrival that bounds an event's time at the clock (SEMANTICS 3), persons, and the
decisions that the ledger makes (SEMANTICS 4). It reads what the tests send, not all that a client may.
"""
import json
import os
import re
import sys
from collections import Counter
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "model"))
import model  # noqa: E402

TICK, NATIVE, SEGMENT, UNSUBSCRIBE, CLICK = range(5)
SPACE = b" \t\n\v\f\r"
AHEAD_MAX = 5 * model.MINUTE
SEGMENT_EVENTS = {"product viewed": "view", "product added": "cart", "product removed": "remove_from_cart",
                  "order completed": "purchase"}
PERSON_KINDS = ("identify", "alias")
NOT_OURS = ("page", "screen", "group")


class Number(str):
    """A number as it was written."""


class Malformed(Exception):
    pass


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number)


def text_of(value):
    """A field's trimmed bytes."""
    if value is None:
        return b""
    if not isinstance(value, str) or "\0" in value:
        raise Malformed
    return value.encode().strip(SPACE)


def objects(body):
    """(value or None, its text) of each call of a native body."""
    text = body.decode()
    if not text.lstrip().startswith("["):
        for line in text.split("\n"):
            line = line.strip()
            if line:
                try:
                    yield DECODER.decode(line), line
                except ValueError:
                    yield None, line
        return
    at = text.index("[") + 1
    while True:
        at = re.compile(r"[\s,]*").match(text, at).end()
        if text[at] == "]":
            return
        value, end = DECODER.raw_decode(text, at)
        yield value, text[at:end]
        at = end


class Call:
    """What one call asks for: rows, each an event or a reason, or a person, or nothing."""

    def __init__(self):
        self.rows, self.person, self.ignored, self.refused = [], None, False, None


def quantity_text(value):
    if not isinstance(value, Number) or value.isdigit():
        return text_of(value)
    number = Decimal(value)
    return b"%d" % number if number == number.to_integral_value() else text_of(value)


def check(fields, currency, store_currency):
    """The event, or the reason."""
    event = model.clean([fields.get(name.decode(), b"") for name in model.COLUMNS])
    if not isinstance(event, str) and currency and currency != store_currency:
        return "bad_currency"
    return event


def native_event(value, currency):
    if not isinstance(value, dict):
        return "malformed_row"
    try:
        fields = {name.decode(): text_of(value.get(name.decode())) for name in model.COLUMNS if name != b"quantity"}
        fields["quantity"] = quantity_text(value.get("quantity"))
    except Malformed:
        return "malformed_row"
    return check(fields, fields["currency"], currency)


def person_of(user, other, traits, is_alias):
    consent = traits.get("consent")
    consent = {True: True, False: False, "yes": True, "no": False, "true": True, "false": False}.get(consent)
    return {"user": user, "other": other, "email": text_of(traits.get("email")), "consent": consent, "alias": is_alias}


def refusal_of(person, may):
    if not may:
        return "browser_key"
    if not person["user"]:
        return "missing_user"
    if person["alias"] and not person["other"] or person["email"] and person["email"].count(b"@") != 1:
        return "bad_person"
    return None


def native_calls(body, may, currency):
    for value, raw in objects(body):
        call = Call()
        kind = (value.get("event_type") or value.get("type")) if isinstance(value, dict) else None
        if kind in PERSON_KINDS:
            alias = kind == "alias"
            person = person_of(text_of(value.get("user_id")), text_of(value.get("previous_id")) if alias else b"",
                               {} if alias else value.get("traits", {}), alias)
            call.refused = refusal_of(person, may)
            call.person = person
        elif kind in NOT_OURS and not value.get("event_type"):
            call.ignored = True
        else:
            call.rows.append((native_event(value, currency), raw.encode()))
        yield call


def segment_time(call, sent_at, arrived):
    text = text_of(call.get("timestamp")) or text_of(call.get("originalTimestamp"))
    if not text:
        return arrived
    micros, sent = model.parse_time(text), model.parse_time(text_of(call.get("sentAt") or sent_at))
    return micros + arrived - sent if micros is not None and sent is not None else micros


def segment_rows(value, kind, time, currency):
    """(event or reason) of a track: one, or each product's of an order."""
    properties = value.get("properties") or {}
    user = text_of(value.get("userId")) or text_of(value.get("anonymousId"))
    order = kind == "purchase"
    for i, product in enumerate(properties.get("products", []) if order else [properties]):
        message_id = text_of(value.get("messageId"))
        fields = {"event_time": b"1970-01-01T00:00:00Z", "event_type": kind.encode(), "user_id": user, "user_session": user,
                  "product_id": next(filter(None, (text_of(product.get(n)) for n in ("product_id", "sku", "id"))), b""),
                  "category_code": text_of(product.get("category")), "brand": text_of(product.get("brand")),
                  "price": text_of(product.get("price")), "quantity": quantity_text(product.get("quantity")),
                  "order_id": text_of(properties.get("order_id")),
                  "message_id": message_id + b"/%d" % i if order and message_id else message_id}
        event = check(fields, text_of(product.get("currency", properties.get("currency"))), currency)
        yield event if isinstance(event, str) else event._replace(time=time)


def segment_calls(body, may, currency, arrived):
    """Rejects of it carry no text here: the tests compare their reasons."""
    whole = DECODER.decode(body.decode())
    for value in whole["batch"] if "batch" in whole else [whole]:
        call = Call()
        kind = value.get("type") or ("track" if value.get("event") else None)
        if kind == "track" and value["event"].lower() in SEGMENT_EVENTS:
            time = segment_time(value, whole.get("sentAt"), arrived)
            call.rows = [(row, None) for row in segment_rows(value, SEGMENT_EVENTS[value["event"].lower()], time, currency)]
        elif kind in PERSON_KINDS:
            user, anonymous = text_of(value.get("userId")), text_of(value.get("anonymousId"))
            other = text_of(value.get("previousId")) if kind == "alias" else anonymous if user else b""
            call.person = person_of(user or anonymous, other, value.get("traits", {}), kind == "alias")
            call.refused = refusal_of(call.person, may)
        else:
            call.ignored = True
        yield call


def calls_of(kind, body, may, currency, arrived):
    calls = list(native_calls(body, may, currency) if kind == NATIVE else segment_calls(body, may, currency, arrived))
    for call in calls:                         # wrong clocks [2]
        call.rows = [(row if isinstance(row, str) or row.time <= arrived + AHEAD_MAX else row._replace(time=arrived), raw)
                     for row, raw in call.rows]
    return calls


def native_answer(calls):
    """(accepted, [(index, reason)...]) as POST /v1/events says it; an order with several bad rows names each."""
    refused = [(i, row) for i, call in enumerate(calls) for row, _ in call.rows if isinstance(row, str)]
    refused += [(i, call.refused) for i, call in enumerate(calls) if call.refused]
    return len(calls) - sum(call.ignored for call in calls) - len(refused), sorted(refused)


# ---- persons and decisions [4] -------------------------------------------------------------

class Persons:
    def __init__(self):
        self.rows, self.group = {}, {}         # id -> [email, consent]; id -> the set it shares with others
        self.unsubscribed = set()

    def members(self, user):
        return self.group.get(user, {user})

    def take(self, person):
        user, other = person["user"], person["other"]
        if not person["alias"]:
            row = self.rows.setdefault(user, [b"", None])
            row[0] = person["email"] or row[0]
            row[1] = row[1] if person["consent"] is None else person["consent"]
        if other:
            together = self.members(user) | self.members(other)
            for member in together:
                self.group[member] = together

    def addresses(self, user):
        """Its own, else that of the least linked id that has one, then the others."""
        ids = sorted(self.members(user), key=lambda member: (member != user, member))
        return [self.rows[member][0] for member in ids if self.rows.get(member, [b""])[0]]

    def consent(self, user):
        said = [self.rows[member][1] for member in self.members(user) if member in self.rows]
        return False not in said and True in said

    def verdict(self, user):
        addresses = self.addresses(user)
        if not addresses:
            return "no_address"
        if not self.consent(user):
            return "no_consent"
        return "suppressed" if any(a.lower() in self.unsubscribed for a in addresses) else "send"


class LiveClock(model.Clock):
    """Live, the smaller of an event's time and its arrival stands for its time [3]."""

    def __init__(self):
        super().__init__()
        self.arrived = None

    def move(self, user, t):
        return super().move(user, min(t, self.arrived))

    def tick(self, t):
        self.now = t if self.now is None else max(self.now, t)
        self.witnesses.clear()


class LiveModel(model.Model):
    """`sent_to`: message id -> the address it went to, of the store itself (which message is which is not modelled).
    A decision `send` here is `send` or `holdout` there: who is in the control group is the store's secret."""

    def __init__(self, gap_us, currency, sent_to):
        super().__init__(gap_us, None)
        self.clock = LiveClock()
        self.currency, self.sent_to = currency.encode(), sent_to
        self.persons = Persons()
        self.position = 0
        self.ignored = 0

    def run(self, entries):
        for position, kind, may, _, arrived, body in entries:
            self.position, self.clock.arrived = position, arrived
            if kind == TICK:
                self.clock.tick(arrived)
                self.end_due(self.clock.now)
            elif kind in (NATIVE, SEGMENT):
                self.take_body(kind, body, may, arrived)
            elif kind == UNSUBSCRIBE:
                is_message = len(body) == 8    # its id; else the address itself
                address = self.sent_to[int.from_bytes(body, "little")] if is_message else body
                self.persons.unsubscribed.add(address.lower())
        return self

    def take_body(self, kind, body, may, arrived):
        number = 0
        for call in calls_of(kind, body, may, self.currency, arrived):
            self.ignored += call.ignored
            if call.person and not call.refused:
                self.persons.take(call.person)
            for row, raw in call.rows:
                number += 1
                self.rows += 1
                reason = row if isinstance(row, str) else self.apply(row)
                if reason:
                    self.rejected[reason] += 1
                    self.rejects.append((self.position, number, reason, raw if kind == NATIVE else None))

    def decide(self, visit, user):
        decision = super().decide(visit, user)
        return self.persons.verdict(visit.user) if decision == "no_address" else decision
