#!/usr/bin/env python3
"""A slow, readable model of SEMANTICS: event files in, the five files of `replay --out` out.

It shares no code with the engine and is written to be read beside SEMANTICS; the numbers
in brackets are its sections. Everything is bytes: strings compare by their UTF-8 bytes [0].
Times are integers, microseconds since 1970 UTC; money is integers, minor units.
"""
import argparse
import functools
import gc
import gzip
import heapq
import json
import os
import re
import sys
import time
from collections import Counter
from datetime import date, datetime, timedelta
from typing import NamedTuple

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

ROW_BYTES_MAX = 65_536
ID_BYTES_MAX = 128
TEXT_BYTES_MAX = 256
PRICE_MINOR_MAX = 10**12
QUANTITY_MAX = 10**6
REMEMBERED_MAX = 4_096         # message ids of a user; events without one of a visit [2]
OPEN_VISITS_MAX = 1_024        # of a user [3]
CART_PRODUCTS_MAX = 1_000      # of a visit [4]
CLOCK_STEP = 60 * SECOND       # how far one event moves the clock by itself [3]
WITNESSES = 5                  # users it takes to move it further [3]
STALE_AFTER = DAY

NEEDED = b"event_time event_type product_id price user_id user_session".split()
OPTIONAL = b"category_id category_code brand order_id message_id quantity currency".split()
COLUMNS = NEEDED + OPTIONAL
NO_HEADER = (b"event_time,event_type,product_id,category_id,category_code,"
             b"brand,price,user_id,user_session").split(b",")


class RunError(Exception):
    """Something that ends the run, as a missing column does [1]."""


# ---- rows of CSV [1] ---------------------------------------------------------------------

def next_row(data, start):
    """One row: (its bytes without terminator, its fields, where the next row starts).

    Fields are None if the row is badly quoted or too long; then it is its first physical line.
    """
    line, after = physical_line(data, start)
    if b'"' not in line:                       # only a quote can carry a row over its line end
        return line, line.split(b",") if len(line) <= ROW_BYTES_MAX else None, after
    quoted = split_quoted(data, start)
    if quoted is None:
        return line, None, after
    fields, end, after = quoted
    return data[start:end], fields, after


def physical_line(data, start):
    """A row's terminator is LF, or CR LF; at the end of the input a CR is data."""
    lf = data.find(b"\n", start)
    if lf < 0:
        return data[start:], len(data)
    return data[start:lf - 1 if lf > start and data[lf - 1] == 13 else lf], lf + 1


def split_quoted(data, start):
    """(fields, end, next start) of a row that holds quotes; None if it is to be rejected."""
    fields, pos = [], start
    while True:
        if data[pos:pos + 1] == b'"':
            close = closing_quote(data, pos + 1, start + ROW_BYTES_MAX)
            if close is None:
                return None
            fields.append(data[pos + 1:close].replace(b'""', b'"'))
            pos = close + 1
        else:
            pos, before = PLAIN_FIELD.match(data, pos).end(), pos
            if data[pos:pos + 1] == b"\n" and pos > before and data[pos - 1] == 13:
                pos -= 1                       # this CR belongs to the terminator
            fields.append(data[before:pos])
        if data[pos:pos + 1] == b",":
            pos += 1
            continue
        ending = ROW_ENDING.match(data, pos)
        if not ending or pos - start > ROW_BYTES_MAX:
            return None
        return fields, pos, ending.end()


PLAIN_FIELD = re.compile(rb'[^",\n]*')
ROW_ENDING = re.compile(rb"\r?\n|\Z")


def closing_quote(data, pos, limit):
    """The next quote that is not doubled, before `limit`: a longer row is too long anyway."""
    while True:
        pos = data.find(b'"', pos, limit)
        if pos < 0:
            return None
        if data[pos + 1:pos + 2] != b'"':
            return pos
        pos += 2


def is_text(raw):
    """UTF-8 without NUL; Python's decoder is strict on surrogates and overlong forms."""
    if b"\0" in raw:
        return False
    try:
        return raw.isascii() or bool(raw.decode()) or True
    except UnicodeDecodeError:
        return False


def read_bytes(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        return file.read()


def header_places(names):
    """The field number of each of COLUMNS; -1 where the file has none."""
    names = [name.strip().lower() for name in names]
    for name in COLUMNS:
        if names.count(name) > 1:
            raise RunError(f"column {name.decode()} is named twice")
        if name in NEEDED and name not in names:
            raise RunError(f"column {name.decode()} is missing")
    return [names.index(name) if name in names else -1 for name in COLUMNS]


def read_rows(path, has_header):
    """Yields (byte offset, row number, raw, values of COLUMNS or None if malformed)."""
    data = read_bytes(path)
    pos = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    names = NO_HEADER
    if has_header:
        if pos == len(data):
            raise RunError(f"{path}: no header")
        raw, names, pos = next_row(data, pos)
        if names is None or not is_text(raw):
            raise RunError(f"{path}: the header is badly quoted, too long or not text")
    places, width = header_places(names), len(names)
    number = 0
    while pos < len(data):
        offset, number = pos, number + 1
        raw, fields, pos = next_row(data, pos)
        if fields is None or len(fields) != width or not is_text(raw):
            yield offset, number, raw, None
        else:
            fields.append(b"")                 # what an absent column holds: place -1
            yield offset, number, raw, [fields[place].strip() for place in places]


# ---- values [1] --------------------------------------------------------------------------

TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)([ T])(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
                  rb"( UTC|Z|([+-])(\d\d):(\d\d))?")
PRICE = re.compile(rb"([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?)(\d+))?")
TIME_END = (date(2200, 1, 1) - date(1970, 1, 1)).days * DAY
YEAR_1970 = date(1970, 1, 1).toordinal()
HUGE = 10**9                                   # an exponent beyond any row's digits


@functools.lru_cache(1 << 16)
def parse_time(text):
    """Microseconds, or None."""
    if len(text) == 13 and text.isdigit():
        micros = int(text) * 1000
    else:
        micros = parse_calendar(text)
    return micros if micros is not None and 0 <= micros < TIME_END else None


def parse_calendar(text):
    match = TIME.fullmatch(text)
    if not match:
        return None
    year, month, day, between, hour, minute, second, fraction, zone, sign, east_h, east_m = match.groups()
    if between == b"T" and zone in (None, b" UTC"):
        return None
    days = calendar_days(year, month, day)
    if days is None or hour > b"23" or minute > b"59" or second > b"59":
        return None
    micros = days * DAY + ((int(hour) * 60 + int(minute)) * 60 + int(second)) * SECOND
    if fraction:
        micros += int(fraction.ljust(6, b"0")[:6])
    if sign:
        if east_h > b"23" or east_m > b"59":
            return None
        east = (int(east_h) * 60 + int(east_m)) * MINUTE
        micros += -east if sign == b"+" else east
    return micros


@functools.lru_cache(1 << 16)
def calendar_days(year, month, day):
    try:
        return date(int(year), int(month), int(day)).toordinal() - YEAR_1970
    except ValueError:
        return None


@functools.lru_cache(1 << 16)
def parse_price(text):
    """Minor units rounded half to even, or None. Works on digits, so no exponent can hurt."""
    match = PRICE.fullmatch(text)
    if not match:
        return None
    sign, whole, fraction, exponent_sign, exponent = match.groups()
    shift = small_int(exponent or b"0")
    point = len(whole) + 2 + (-shift if exponent_sign == b"-" else shift)
    digits = whole + (fraction or b"")
    point -= len(digits) - len(digits.lstrip(b"0"))
    minor = round_digits(digits.lstrip(b"0"), point)
    if minor > PRICE_MINOR_MAX:
        return None
    return -minor if sign == b"-" else minor


def small_int(digits):
    digits = digits.lstrip(b"0") or b"0"
    return int(digits) if len(digits) < 10 else HUGE


def round_digits(digits, point):
    """0.DIGITS x 10^point as an integer, half to even; DIGITS does not start with 0."""
    if not digits or point < 0:
        return 0                               # less than 0.1
    if point > 13:
        return PRICE_MINOR_MAX + 1
    kept, cut = int(digits[:point].ljust(point, b"0") or b"0"), digits[point:].rstrip(b"0")
    if cut > b"5" or (cut == b"5" and kept % 2):
        return kept + 1
    return kept


def parse_quantity(text):
    """1 when empty; None if it is not a number of 1 to a million."""
    if not text:
        return 1
    if not text.isdigit():
        return None
    quantity = small_int(text)
    return quantity if 1 <= quantity <= QUANTITY_MAX else None


# ---- cleaning [2] ------------------------------------------------------------------------

KINDS = {b"view": "view", b"cart": "cart", b"remove_from_cart": "remove_from_cart",
         b"removefromcart": "remove_from_cart", b"purchase": "purchase"}


class Event(NamedTuple):
    time: int
    kind: str
    product: bytes
    price: int | None
    quantity: int
    user: bytes
    session: bytes
    message_id: bytes
    dimension: tuple                           # category_id, category_code, brand


def clean(values):
    """The event, or the name of the first check that fails, in the order of [2]."""
    (event_time, kind, product, price, user, session, category_id, category_code, brand,
     order_id, message_id, quantity, _currency) = values      # no store here, no currency
    micros = parse_time(event_time)
    if micros is None:
        return "bad_time"
    kind = KINDS.get(kind.lower())
    if kind is None:
        return "unknown_type"
    if not product:
        return "missing_product"
    if not user:
        return "missing_user"
    if not session:
        return "missing_session"
    if max(len(product), len(user), len(session)) > ID_BYTES_MAX:
        return "too_long"
    if max(map(len, (category_id, category_code, brand, order_id, message_id))) > TEXT_BYTES_MAX:
        return "too_long"
    minor = parse_price(price) if price else None
    if price and minor is None:
        return "bad_price"
    if minor is None and kind in ("cart", "purchase"):
        return "missing_price"
    if minor is not None and minor < 0:
        return "negative_price"
    number = parse_quantity(quantity)
    if number is None:
        return "bad_quantity"
    return Event(micros, kind, product, minor, number, user, session, message_id,
                 (category_id, category_code, brand))


# ---- state [3, 4] ------------------------------------------------------------------------

class Clock:
    """The log's clock [3]. `now` is None until five users have witnessed a time."""

    def __init__(self):
        self.now = None
        self.witnesses = {}                    # user -> the smallest time they stood for

    def move(self, user, t):
        """Moves by one event; gives the clock to stamp on it."""
        if self.now is not None and t <= self.now + CLOCK_STEP:
            self.now = max(self.now, t)
            self.witnesses.clear()             # even if the clock did not move
            return self.now
        self.witnesses[user] = min(t, self.witnesses.get(user, t))
        if len(self.witnesses) == WITNESSES:
            self.now = min(self.witnesses.values())
            self.witnesses = {who: seen for who, seen in self.witnesses.items()
                              if seen > self.now + CLOCK_STEP}
        return self.now


class Recent:
    """Keys with a value; of more than REMEMBERED_MAX the one set longest ago is forgotten."""

    def __init__(self):
        self.values = {}                       # a dict keeps the order of insertion

    def put(self, key, value):
        self.values.pop(key, None)             # a second acceptance makes it the newest
        self.values[key] = value
        if len(self.values) > REMEMBERED_MAX:
            del self.values[next(iter(self.values))]


class User:
    def __init__(self):
        self.visits = {}                       # session -> open visit
        self.bought_at = None                  # greatest time of the purchases that count [4]
        self.message_ids = Recent()            # id -> clock stamped on its event


class Visit:
    __slots__ = ("user", "session", "opened", "first", "last", "first_cart", "bought",
                 "items", "recent", "is_open")

    def __init__(self, user, session, opened):
        self.user, self.session, self.opened = user, session, opened
        self.first = self.last = opened
        self.first_cart = None                 # least time of its cart events
        self.bought = False
        self.items = {}                        # product -> [quantity, price]
        self.recent = Recent()                 # its events without message id
        self.is_open = True

    def name(self):
        return self.user, self.session, self.opened


class Model:
    def __init__(self, gap, wall):
        self.gap, self.wall = gap, wall        # wall None: the expiry instant itself
        self.clock = Clock()
        self.users = {}
        self.due = []                          # heap of (expiry or earlier, visit name, visit)
        self.rows, self.late, self.cart_full = 0, 0, 0
        self.rejected, self.by_type, self.visits = Counter(), Counter(), Counter()
        self.rejects, self.carts = [], []
        self.dimension = {}                    # product -> three (time, value)
        self.sales = {}                        # (product, minute) -> [units, revenue]

    def read(self, path, has_header):
        for offset, number, raw, values in read_rows(path, has_header):
            self.rows += 1
            event = "malformed_row" if values is None else clean(values)
            reason = event if isinstance(event, str) else self.apply(event)
            if reason:
                self.rejected[reason] += 1
                self.rejects.append((path, offset, number, reason, raw))

    # One event [2, 3]

    def apply(self, event):
        """Takes an event that passed the checks before `duplicate`; gives a reason or None."""
        t = event.time
        clock = self.clock.move(event.user, t)                # duplicates move it too
        if clock is not None:
            self.end_due(clock)                               # rule 1: ended by the clock
        user = self.users.get(event.user) or User()
        visit = user.visits.get(event.session)
        if self.is_duplicate(event, clock, user, visit):
            return "duplicate"
        self.users[event.user] = user
        if visit and visit.last + self.gap <= t:              # rule 1: ended by its own key
            self.end(visit)
            visit = None
        if clock is not None and t + DAY <= clock:            # rule 2
            visit = None
        elif visit:                                           # rule 3
            visit = visit if self.joins(t, clock, visit) else None
        elif (clock is None or t + self.gap > clock) and len(user.visits) < OPEN_VISITS_MAX:
            visit = self.open(event, user)                    # rule 4
        self.count(event, clock, user)
        if visit:
            self.join(event, visit)
        else:
            self.late += 1
        return None

    def is_duplicate(self, event, clock, user, visit):
        if event.message_id:
            stamp = user.message_ids.values.get(event.message_id)
            return stamp is not None and (clock is None or stamp + DAY > clock)
        return (visit is not None and self.joins(event.time, clock, visit)
                and same_key(event) in visit.recent.values)

    def joins(self, t, clock, visit):
        """Whether an event of time t belongs to the open visit of its key: rules 1, 2, 3."""
        return (visit.last + self.gap > t and t + self.gap > visit.first
                and (clock is None or t + DAY > clock))

    def count(self, event, clock, user):
        """What every accepted event does, late or not."""
        self.by_type[event.kind] += 1
        if event.message_id:
            user.message_ids.put(event.message_id, event.time if clock is None else clock)
        self.see_product(event)
        if event.kind == "purchase":
            cell = self.sales.setdefault((event.product, event.time // MINUTE), [0, 0])  # [5]
            cell[0] += event.quantity
            cell[1] += event.quantity * event.price
            if clock is None or event.time <= clock + DAY:    # [4] `purchased`
                user.bought_at = max(event.time, user.bought_at or 0)

    def see_product(self, event):
        """The dimension [2]: the greatest (time, value) of each column; null is no value."""
        known = self.dimension.get(event.product)
        if known is None:
            known = self.dimension[event.product] = [(-1, b"")] * 3
        for column, value in enumerate(event.dimension):
            if value and event.time >= known[column][0]:
                known[column] = max(known[column], (event.time, value))

    # Visits [3] and carts [4]

    def open(self, event, user):
        visit = Visit(event.user, event.session, event.time)
        user.visits[event.session] = visit
        heapq.heappush(self.due, (visit.last + self.gap, visit.name(), visit))
        return visit

    def join(self, event, visit):
        visit.first = min(visit.first, event.time)
        visit.last = max(visit.last, event.time)
        if not event.message_id:
            visit.recent.put(same_key(event), True)
        if event.kind == "cart":
            self.add(event, visit)
        elif event.kind == "remove_from_cart":
            take(event, visit)
        elif event.kind == "purchase":
            visit.bought = True
            visit.items.pop(event.product, None)              # whatever its quantity

    def add(self, event, visit):
        first = visit.first_cart
        visit.first_cart = event.time if first is None else min(first, event.time)
        if event.product not in visit.items and len(visit.items) == CART_PRODUCTS_MAX:
            self.cart_full += 1
            return
        item = visit.items.setdefault(event.product, [0, None])
        item[0] += event.quantity
        item[1] = event.price                                 # the last applied

    def end_due(self, clock):
        """Ends what is due in the order of [3]; `due` may hold what has moved on or ended."""
        while self.due and self.due[0][0] <= clock:
            expiry, name, visit = heapq.heappop(self.due)
            if visit.is_open and visit.last + self.gap > expiry:
                heapq.heappush(self.due, (visit.last + self.gap, name, visit))
            elif visit.is_open:
                self.end(visit)

    def end(self, visit):
        user = self.users[visit.user]
        del user.visits[visit.session]
        visit.is_open = False
        self.visits["all"] += 1
        self.visits["cart"] += visit.first_cart is not None
        self.visits["purchase"] += visit.bought
        if visit.items and visit.bought:
            self.visits["partial"] += 1
        elif visit.items:
            self.carts.append((visit.last + self.gap, visit.name(), visit, self.decide(visit, user)))
        visit.recent = None

    def decide(self, visit, user):
        expiry = visit.last + self.gap
        if user.bought_at is not None and user.bought_at >= visit.first_cart:
            return "purchased"
        if self.wall is not None and self.wall > expiry + STALE_AFTER:
            return "stale"
        return "no_address"                    # the minimum is 0, and nobody has subscribed

    def finish(self):
        self.end_due(float("inf"))
        self.carts.sort(key=lambda cart: cart[:2])


def same_key(event):
    return event.time, event.kind, event.product, event.price, event.quantity


def take(event, visit):
    item = visit.items.get(event.product)
    if item:
        item[0] -= event.quantity
        if item[0] <= 0:
            del visit.items[event.product]


# ---- outputs [8] -------------------------------------------------------------------------

def iso(micros):
    """RFC 3339, with six fraction digits only if it is not a whole second."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds" if micros % SECOND else "seconds") + "Z"


def value_of(visit):
    return sum(quantity * price for quantity, price in visit.items.values())


def top_products(sales):
    totals = {}
    for (product, _), (units, revenue) in sales.items():
        total = totals.setdefault(product, [0, 0])
        total[0] += units
        total[1] += revenue
    best = sorted(totals.items(), key=lambda entry: (-entry[1][1], entry[0]))[:5]
    return [[product.decode(), units, revenue] for product, (units, revenue) in best]


def report(model):
    accepted = model.by_type.total()
    return {
        "rows": model.rows, "accepted": accepted, "late": model.late,
        "cart_full": model.cart_full, "rejected": dict(sorted(model.rejected.items())),
        "by_type": {kind: model.by_type[kind]
                    for kind in ("view", "cart", "remove_from_cart", "purchase")},
        "users": len(model.users), "products": len(model.dimension),
        "visits": model.visits["all"], "visits_with_cart": model.visits["cart"],
        "visits_with_purchase": model.visits["purchase"],
        "partial_visits": model.visits["partial"],
        "abandoned_carts": len(model.carts),
        "abandoned_value_minor": sum(value_of(visit) for _, _, visit, _ in model.carts),
        "abandoned_items": sum(quantity for _, _, visit, _ in model.carts
                               for quantity, _ in visit.items.values()),
        "units_sold": sum(units for units, _ in model.sales.values()),
        "revenue_minor": sum(revenue for _, revenue in model.sales.values()),
        "product_minutes": len(model.sales), "top_products": top_products(model.sales),
        "decisions": dict(sorted(Counter(cart[3] for cart in model.carts).items())),
    }


def cart_line(expiry, visit, decision):
    return json.dumps({
        "user_id": visit.user.decode(), "user_session": visit.session.decode(),
        "opened_at": iso(visit.opened), "first_at": iso(visit.first),
        "last_at": iso(visit.last), "expires_at": iso(expiry),
        "value_minor": value_of(visit), "decision": decision,
        "items": [{"product_id": product.decode(), "quantity": quantity, "price_minor": price}
                  for product, (quantity, price) in sorted(visit.items.items())],
    }, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


NEEDS_QUOTES = re.compile(rb'[",\r\n]')


def csv_line(*fields):
    return b",".join(map(csv_field, fields)) + b"\n"


def csv_field(field):
    field = field if isinstance(field, bytes) else str(field).encode()
    if NEEDS_QUOTES.search(field):
        return b'"' + field.replace(b'"', b'""') + b'"'
    return field


def write_outputs(model, folder):
    os.makedirs(folder, exist_ok=True)

    def write(name, lines):
        with open(os.path.join(folder, name), "wb") as file:
            file.writelines(lines)

    write("report.json", [json.dumps(report(model), ensure_ascii=False, indent=1).encode(), b"\n"])
    write("carts.jsonl", (cart_line(expiry, visit, decision)
                          for expiry, _, visit, decision in model.carts))
    write("sales.csv", [b"product_id,minute,units,revenue_minor\n"] + [
        csv_line(product, iso(minute * MINUTE), units, revenue)
        for (product, minute), (units, revenue) in sorted(model.sales.items())])
    write("products.csv", [b"product_id,category_id,category_code,brand\n"] + [
        csv_line(product, *(value for _, value in columns))
        for product, columns in sorted(model.dimension.items())])
    write("rejects.csv", [b"source,byte_offset,row,reason,raw\n"] + [
        csv_line(os.fsencode(source), *rest) for source, *rest in model.rejects])


# ---- command -----------------------------------------------------------------------------

def parse_gap(text):
    match = re.fullmatch(r"([0-9]+)(ms|s|m|h|d)", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError("a duration such as 90s, 30m or 2h")
    return int(match[1]) * {"ms": 1000, "s": SECOND, "m": MINUTE, "h": 60 * MINUTE, "d": DAY}[match[2]]


def parse_wall(text):
    micros = parse_time(text.encode())
    if micros is None:
        raise argparse.ArgumentTypeError("a time such as 2020-01-01T00:00:00Z")
    return micros


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gap", type=parse_gap, default="30m", help="ends a visit (30m)")
    parser.add_argument("--no-header", action="store_true", help="the nine columns, in order")
    parser.add_argument("--as-live", action="store_true", help="the wall is the expiry instant")
    parser.add_argument("--wall", type=parse_wall, default=time.time_ns() // 1000, help="(now)")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("files", nargs="+", metavar="FILE", help="CSV, .gz of it, or -")
    options = parser.parse_args()
    gc.disable()                               # nothing here makes cycles; saves a third of the time
    model = Model(options.gap, None if options.as_live else options.wall)
    try:
        for path in options.files:
            model.read(path, not options.no_header)
    except (RunError, OSError, EOFError) as error:
        sys.exit(f"model: {error}")
    model.finish()
    write_outputs(model, options.out)


if __name__ == "__main__":
    main()
