#!/usr/bin/env python3
"""Writes hostile event files from a seed: generate.py --seed N [--rows M] --out FILE...

Swarm testing: the seed first draws a profile, which switches each kind of trouble on or off, so
that different seeds look very different. Several FILEs share one stream of events, each with
a header and a manner of writing of its own. Prints the replay flags that the files are for.
The generator keeps the log's clock (as model.py does), only to aim times at its edges.
"""
import argparse
import random
from datetime import datetime, timedelta

from model import CART_PRODUCTS_MAX, DAY, MINUTE, OPEN_VISITS_MAX, REMEMBERED_MAX, SECOND, Clock

HOUR = 60 * MINUTE
COLUMNS = ["event_time", "event_type", "product_id", "category_id", "category_code", "brand",
           "price", "user_id", "user_session"]
EXTRA = ["quantity", "message_id", "order_id", "currency"]
UNKNOWN = ["colour", "Referrer", "\N{GREEK SMALL LETTER OMEGA}", "", "event time", "x,y", 'say "hi"']
GAPS = {"30m": 30 * MINUTE, "1s": SECOND, "1m": MINUTE, "59m": 59 * MINUTE, "36h": 36 * HOUR}
TIME_STYLES = ["plain", "utc", "z", "offset", "t_z", "t_offset", "millis"]
EPOCHS = [datetime(1970, 1, 1), datetime(2019, 10, 1), datetime(2020, 2, 28, 23), datetime(2199, 12, 29)]

GOOD_PRICES = """0 0.00 1 5. .5 +3 -0 2.5 19.99 1e2 1E2 1e+2 1e-2 100e-2 0.005 0.015 0.025 2.675 0.0050000001 0.00499999
 0.0049 -0.004 -0.005 1234567.89 9999999999.99 10000000000 10000000000.00 10000000000.005 10000000000.004
 00001.10 0e99999 0e999999999999999999 1e-999999999 .000e5 +.5e1 1000000000000e-2 0.00000000001e12 99.995""".split()
BAD_PRICES = """-1 -0.0051 -0.006 10000000000.01 10000000000.0051 -10000000000.01 1e999999999 1e99999999999999999999
 1e e1 . + +. - --1 1,99 1_000 1.2.3 Infinity inf nan 0x10 abc 1e2.5 1e+ $5 5$ 1e400 99999999999.99""".split() + ["1 000", "\N{ARABIC-INDIC DIGIT ONE}"]
GOOD_QUANTITIES = ["", "1", "2", "3", "10", "007", "1000000", "0000001000000", "00000000000000000000000001"]
BAD_QUANTITIES = ["0", "00", "-1", "+1", "1.0", "1.5", "1e2", "1000001", "99999999999999999999", "x", "1 0"]
BAD_TIMES = """ 1570000000 15700000000000 2020-02-30T00:00:00Z 2020-13-01T00:00:00Z 2020-00-10T00:00:00Z 2021-02-29T01:01:01Z
 2020-01-01T00:00:00 2020-01-01T24:00:00Z 2020-01-01T00:60:00Z 2020-01-01T23:59:60Z 2020-1-1T00:00:00Z 0000-01-01T00:00:00Z
 1969-12-31T23:59:59.999999Z 2200-01-01T00:00:00Z 1970-01-01T00:00:00+00:01 2199-12-31T23:59:59-00:01 9999-12-31T23:59:59-23:59
 2020-01-01t00:00:00Z 2020-01-01T00:00:00z 2020-01-01T00:00:00.Z 2020-01-01T00:00:00.1234567890Z 2020-01-01T00:00:00+24:00
 2020-01-01T00:00:00+00:60 2020-01-01T00:00:00+2:00 2020-01-01T00:00:00+0200 2020-01-01T00:00Z 2020-01-01 7258118400000 -157000000000
 +1570000000000 1e12 now""".split() + ["2020-01-01 00:00:00 utc", "2020-01-01T00:00:00 UTC", "2020-01-01 00:00:00  UTC",
                                       "2020-01-01  00:00:00", "2020-01-01 00:00:00 +02:00", "2020-01-01 00:00:00 Z", ""]
ODD_NAMES = ["p,4", 'p"5"', "p\n6", "p\r7", "p\r\n8", "gr\N{LATIN SMALL LETTER O WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e", "a b", "\N{PILE OF POO}",
             "\N{FULLWIDTH DIGIT ONE}", "x" * 128, "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 64, "\\n", "'", "\x01", "\x7f", "\u2028", "\ufeff", "\N{NO-BREAK SPACE}"]
BAD_UTF8 = [b"\xff\xfe", b"\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf",
            b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82", b"\xc3", b"\xf0\x9f\x92"]
DIRT = ["fields_less", "fields_more", "nul", "bad_utf8", "open_quote", "stray_quote", "after_quote", "empty_line",
        "long_row", "cut_row", "bad_time", "bad_type", "no_product", "no_user", "no_session", "long_id", "long_text",
        "bad_price", "no_price", "bad_quantity", "lone_cr", "quoted_bad"]


class Profile:
    """What a seed switches on. Every draw of a file comes from its one generator."""

    def __init__(self, seed, rows=None):
        rng = self.rng = random.Random(seed)
        self.gap_name = rng.choice(["30m"] * 5 + list(GAPS))
        self.gap = GAPS[self.gap_name]
        self.no_header = rng.random() < 0.12
        self.broken_header = not self.no_header and rng.random() < 0.04
        self.scenes = [scene for scene in SCENES if rng.random() < (0.1 if scene in BIG_SCENES else 0.3)]
        big = any(scene in BIG_SCENES for scene in self.scenes)
        self.rows = rows or rng.choice([0, 1, 50, 300, 1000, 3000] if not big else [8000, 12000, 16000])
        self.scene_rate = rng.choice([0.002, 0.01, 0.05])
        self.users = [f"u{i}" for i in range(rng.choice([1, 3, 5, 6, 20, 200]))]
        self.sessions = [f"s{i}" for i in range(rng.choice([1, 1, 3, 10, 300]))]
        self.products = [f"p{i}" for i in range(rng.choice([1, 3, 10, 1000]))]
        for names in (self.users, self.sessions, self.products):
            if rng.random() < 0.3:
                names += rng.sample(ODD_NAMES, rng.randint(1, len(ODD_NAMES)))
        self.step = rng.choice([1, SECOND // 10, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE])
        self.grain = rng.choice([1, 1000, SECOND, SECOND])
        self.epoch = rng.choice(EPOCHS[:1] + EPOCHS[1:3] * 4 + EPOCHS[3:])
        self.time_styles = rng.sample(TIME_STYLES, rng.randint(1, len(TIME_STYLES)))
        rate = lambda *rates: rng.choice((0, 0) + rates)
        self.disorder, self.edge = rate(0.05, 0.3, 0.9), rate(0.05, 0.2, 0.5)
        self.quiet, self.wrong_year = rate(0.002, 0.02), rate(0.005, 0.05)
        self.repeat, self.with_id = rate(0.05, 0.3), rate(0.1, 0.5, 1)
        self.few_ids, self.dirty = rng.choice([5, 30, 10**6]), rate(0.01, 0.1, 0.4)
        self.dirt = rng.sample(DIRT, rng.randint(1, len(DIRT)))
        self.quote, self.pad = rate(0.05, 0.5, 1), rate(0.05, 0.5)
        self.prices = rng.choice([["1"], ["1", "0", "2.5"], GOOD_PRICES])
        self.quantities = rng.choice([[""], ["", "1", "2", "01"], GOOD_QUANTITIES])
        self.kinds = rng.choice([["view"], ["cart"], ["view", "cart", "purchase"],
                                 ["view", "cart", "cart", "remove_from_cart", "removefromcart", "purchase"]])
        self.odd_case = rng.random() < 0.3

    def flags(self):
        flags = [] if self.gap_name == "30m" else ["--gap", self.gap_name]
        return flags + (["--no-header"] if self.no_header else [])


# ---- events ------------------------------------------------------------------------------

class Story:
    """A stream of events (dicts of values; event_time an integer) for a profile."""

    def __init__(self, profile):
        self.profile, self.rng = profile, profile.rng
        self.now = int((profile.epoch - datetime(1970, 1, 1)).total_seconds()) * SECOND
        self.clock = Clock()
        self.recent = []                       # the last events, to repeat or aim at
        self.serial = 0

    def events(self):
        profile, rng = self.profile, self.rng
        left = profile.rows
        while left > 0:
            is_scene = profile.scenes and rng.random() < profile.scene_rate
            batch = rng.choice(profile.scenes)(self) if is_scene else [self.ordinary()]
            for event in batch:
                left -= 1
                if left < 0:
                    return
                self.remember(event)
                yield event

    def remember(self, event):
        self.clock.move(event["user_id"], event["event_time"])
        self.recent.append(event)
        del self.recent[:-50]

    def ordinary(self):
        profile, rng = self.profile, self.rng
        if self.recent and rng.random() < profile.repeat:
            return self.near_repeat()
        self.now += int(rng.expovariate(1) * profile.step)
        if rng.random() < profile.quiet:
            self.now += rng.choice([MINUTE, profile.gap, HOUR, 8 * HOUR, DAY, 30 * DAY])
        return self.event(self.pick_time())

    def near_repeat(self):
        """The same event again, or with one value changed."""
        event = dict(self.rng.choice(self.recent))
        change = self.rng.choice(["", "", "event_time", "event_type", "product_id", "price", "quantity", "message_id", "user_session"])
        if change:
            event[change] = self.event(self.pick_time())[change]
        return event

    def pick_time(self):
        profile, rng = self.profile, self.rng
        t = self.now
        if rng.random() < profile.wrong_year:
            t += rng.choice([-1, 1]) * rng.choice([365, 3650, 30, 2]) * DAY
        elif rng.random() < profile.edge:
            t = self.edge_time()
        elif rng.random() < profile.disorder:
            t -= int(rng.expovariate(1) * rng.choice([MINUTE, profile.gap, DAY / 3]))
        return t if rng.random() < profile.edge else t // profile.grain * profile.grain

    def edge_time(self):
        """On an edge that a rule names, seen from the clock or from a recent event; or beside it."""
        rng, gap = self.rng, self.profile.gap
        froms = [self.clock.now or self.now] + [event["event_time"] for event in self.recent[-5:]]
        distance = rng.choice([0, gap, -gap, 60 * SECOND, -DAY, DAY, 5 * MINUTE, gap // 2])
        return rng.choice(froms) + distance + rng.choice([0, 0, 0, 1, -1, SECOND, -SECOND])

    def event(self, t, **given):
        profile, rng = self.profile, self.rng
        event = {
            "event_time": t, "event_type": rng.choice(profile.kinds), "product_id": rng.choice(profile.products),
            "category_id": rng.choice(["", "c1", "c2", "1487580005092295511"]), "category_code": rng.choice(["", "a.b", "a.c"]),
            "brand": rng.choice(["", "x", "y", "z" * 256, "\N{LATIN SMALL LETTER E WITH ACUTE}"]), "price": rng.choice(profile.prices),
            "user_id": rng.choice(profile.users), "user_session": rng.choice(profile.sessions),
            "quantity": rng.choice(profile.quantities), "message_id": "", "order_id": rng.choice(["", "o1"]), "currency": rng.choice(["", "EUR"]),
        }
        if rng.random() < profile.with_id:
            event["message_id"] = f"m{rng.randrange(profile.few_ids)}"
        if event["event_type"] in ("view", "remove_from_cart") and rng.random() < 0.2:
            event["price"] = ""
        event.update(given)
        return event

    def fresh(self, stem):
        self.serial += 1
        return f"{stem}{self.serial}"

    def crowd(self, t):
        """Five users at t: brings the clock there from anywhere before."""
        stem = self.fresh("crowd")
        return [self.event(t, user_id=f"{stem}.{i}", event_type="view") for i in range(5)]

    def start(self):
        """A base for a scene: later than all before, with the clock on it."""
        self.now += 2 * HOUR
        self.now = self.now // SECOND * SECOND
        return self.now


# ---- scenes: a few rows that walk up to one rule's edge --------------------------------------

def jitter(story):
    return story.rng.choice([-1, 0, 1, -SECOND, SECOND])


def scene_gap(story):
    t, who = story.start(), story.fresh("gap")
    first = [story.event(t, user_id=who, user_session="s", event_type="cart")]
    rest = [story.event(t + sign * story.profile.gap + jitter(story), user_id=who, user_session="s") for sign in (1, -1, 1, 2)]
    return story.crowd(t) + first + rest[:story.rng.randint(1, 4)]


def scene_witnesses(story):
    t, rng = story.start(), story.rng
    times = [t + rng.choice([61, 120, 121, 180, 240, 3600, 90000]) * SECOND + jitter(story) for _ in range(rng.randint(4, 12))]
    users = [story.fresh("w") for _ in range(6)]
    if rng.random() < 0.5:                     # one stands a step ahead of the jump, or beside it
        base = t + 2 * HOUR
        times = [base, base + 60 * SECOND + rng.choice([0, 0, 1, -1])] + [base + rng.choice([70, 80, 130, 140]) * SECOND for _ in range(10)]
        users = [story.fresh("w") for _ in times]
        return story.crowd(t) + [story.event(time, user_id=user) for time, user in zip(times, users)]
    rows = [story.event(time, user_id=rng.choice(users)) for time in times]
    if rng.random() < 0.4:
        rows.insert(rng.randrange(len(rows)), story.event(t - rng.choice([0, HOUR]), user_id=users[0]))
    return story.crowd(t) + rows


def scene_step(story):
    t = story.start()
    rows = []
    for _ in range(story.rng.randint(1, 6)):
        t += 60 * SECOND + jitter(story)
        rows.append(story.event(t))
    return story.crowd(story.now) + rows


def scene_late(story):
    t, rng = story.start(), story.rng
    return story.crowd(t) + [story.event(t - edge + jitter(story)) for edge in rng.choices([DAY, story.profile.gap, 2 * DAY, 0], k=6)]


def scene_all_day(story):
    """A visit kept open for a day, and then events of its first minutes again."""
    t, who, stride = story.start(), story.fresh("day"), min(story.profile.gap - 1, 6 * HOUR)
    if stride < MINUTE:
        return []                              # too many rows
    def view(at):
        return story.event(at, user_id=who, user_session="s", event_type="view", product_id="p", price="1", quantity="", message_id="")
    rows = []
    for at in list(range(t, t + DAY, stride)) + [t + DAY + jitter(story)]:
        rows += story.crowd(at) + [view(at)]
    story.now = t + DAY
    return rows + [view(t + back) for back in (0, 0, stride, 1, SECOND)]


def scene_ids_a_day_apart(story):
    t, who = story.start(), story.fresh("day")
    same = {"user_id": who, "message_id": "m"}
    rows = story.crowd(t) + [story.event(t - story.rng.choice([0, HOUR]), **same)]
    for _ in range(story.rng.randint(1, 3)):
        t += DAY + jitter(story)
        rows += story.crowd(t) + [story.event(t + story.rng.choice([0, -HOUR, HOUR]), **same)]
    story.now = t
    return rows


def scene_future_purchase(story):
    t, who = story.start(), story.fresh("future")
    cart = story.event(t, user_id=who, user_session="a", event_type="cart", price="1")
    buy = story.event(t + DAY + jitter(story), user_id=who, user_session="b", event_type="purchase", price="1")
    return story.crowd(t) + [cart, buy]


def scene_purchase_beside_cart(story):
    t, who = story.start(), story.fresh("buyer")
    cart = [story.event(t + i * SECOND, user_id=who, user_session="a", event_type="cart", price="2") for i in range(3)]
    buy = story.event(t + story.rng.choice([0, -1, 1, SECOND, story.profile.gap]), user_id=who,
                      user_session=story.rng.choice("aab"), event_type="purchase", price="1")
    return story.crowd(t) + story.rng.sample(cart + [buy], 4)


def scene_cart_edits(story):
    t, who = story.start(), story.fresh("edit")
    kinds = ["cart", "cart", "remove_from_cart", "purchase"]
    return [story.event(t + i, user_id=who, user_session="s", event_type=story.rng.choice(kinds), price="3",
                        product_id=f"e{story.rng.randrange(3)}") for i in range(20)]


def scene_many_visits(story):
    t, who, rng = story.start(), story.fresh("guest"), story.rng
    rows = [story.event(t + i, user_id=who, user_session=f"g{i}", event_type="cart", price="1")
            for i in range(OPEN_VISITS_MAX + rng.randint(-2, 3))]
    after = [story.event(t + story.profile.gap + i, user_id=who, user_session=f"h{i}") for i in range(4)]
    return story.crowd(t) + rows + (story.crowd(t + story.profile.gap + rng.randint(-2, 3)) if rng.random() < 0.5 else []) + after


def scene_big_cart(story):
    t, who, rng = story.start(), story.fresh("full"), story.rng
    rows = [story.event(t + i, user_id=who, user_session="s", event_type="cart", product_id=f"k{i}", price="1")
            for i in range(CART_PRODUCTS_MAX + rng.randint(-3, 4))]
    edits = [story.event(t + 2000 + i, user_id=who, user_session="s", product_id=f"k{rng.randrange(1010)}", price="2",
                         event_type=rng.choice(["cart", "cart", "remove_from_cart"])) for i in range(20)]
    early = story.event(t - 2 * SECOND, user_id=who, user_session="s", event_type="cart", product_id="early", price="1")
    buy = story.event(t - SECOND, user_id=who, user_session="b", event_type="purchase", price="1")
    return story.crowd(t) + rows + (edits + [early, buy] if rng.random() < 0.5 else [early, buy] + edits)


def scene_long_visit(story):
    """More events than a visit remembers; then some again, from both sides of the edge."""
    t, who, count = story.start(), story.fresh("long"), REMEMBERED_MAX + story.rng.randint(-3, 6)
    def view(i):
        return story.event(t + i, user_id=who, user_session="s", event_type="view", product_id="p", price="1", quantity="", message_id="")
    again = story.rng.choices(list(range(10)) + list(range(count - 5, count)), k=25)
    rows = [view(i) for i in range(count)]
    rows[count - 10:count - 10] = [view(i) for i in story.rng.choices(range(6), k=2)]   # must not make them newer
    return story.crowd(t) + rows + [view(i) for i in again]


def scene_many_ids(story):
    t, who, count = story.start(), story.fresh("ids"), REMEMBERED_MAX + story.rng.randint(-3, 6)
    split = story.rng.choice([0, 0, count // 2])           # some ids a day old, still remembered
    def view(i, at):
        return story.event(at + i, user_id=who, user_session=story.rng.choice("ab"), event_type="view", message_id=f"i{i}")
    later = t + (DAY if split else 0)
    again = story.rng.choices(list(range(10)) + list(range(count - 5, count)) + list(range(split, split + 10)), k=25)
    story.now = later
    rows = [view(i, t) for i in range(split)]
    if split:
        rows += story.crowd(later) + [view(i, later) for i in range(3)]    # accepted again: now the newest
    rows += [view(i, later) for i in range(split, count)]
    rows[-10:-10] = [view(split + i, later) for i in story.rng.choices(range(6), k=2)]   # must not make them newer
    return story.crowd(t) + rows + [view(i % count, later) for i in again]


BIG_SCENES = [scene_many_visits, scene_big_cart, scene_long_visit, scene_many_ids]
SCENES = [scene_gap, scene_witnesses, scene_step, scene_late, scene_all_day, scene_ids_a_day_apart, scene_future_purchase,
          scene_purchase_beside_cart, scene_cart_edits] + BIG_SCENES


# ---- writing -----------------------------------------------------------------------------

class Writer:
    """One file's manner: its columns, line ends, quoting; and the dirt in its rows."""

    def __init__(self, profile):
        rng = self.rng = profile.rng
        self.profile = profile
        self.columns = list(COLUMNS)
        if not profile.no_header:
            self.columns += [name for name in EXTRA if rng.random() < 0.7] + rng.sample(UNKNOWN, rng.choice([0, 0, 1, 3]))
            optional = [name for name in ("category_id", "category_code", "brand") if rng.random() < 0.1]
            self.columns = [name for name in self.columns if name not in optional]
            if rng.random() < 0.5:
                rng.shuffle(self.columns)
        self.line_ends = rng.choice([[b"\n"], [b"\n"], [b"\r\n"], [b"\n", b"\r\n"]])
        self.bom = rng.random() < 0.2
        self.last_end = rng.choice([None, None, b"", b"\r", b"\n\n"])   # None: as any other
        self.odd_header = rng.random() < 0.4

    def bytes_of(self, events):
        rows = [] if self.profile.no_header else [self.header()]
        rows += [self.row(event) for event in events]
        ends = [self.rng.choice(self.line_ends) for _ in rows]
        if rows and self.last_end is not None:
            ends[-1] = self.last_end
        return (b"\xef\xbb\xbf" if self.bom else b"") + b"".join(part for pair in zip(rows, ends) for part in pair)

    def header(self):
        names = [self.odd_name(name) if self.odd_header else name for name in self.columns]
        fields = [self.quoted(name.encode(), 0.3 if self.odd_header else 0) for name in names]
        if not self.profile.broken_header:
            return b",".join(fields)
        trouble = self.rng.choice(["twice", "missing", "nul", "bad_utf8", "quote", "long", "empty"])
        if trouble == "missing":
            fields.remove(self.rng.choice([field for field in fields if b"price" in field.lower() or b"user_id" in field.lower()]))
        fields += {"twice": [b" Brand ", b"BRAND"], "nul": [b"a\0"], "bad_utf8": [b"\xff"], "quote": [b'"x"y'],
                   "long": [b"y" * 65_536]}.get(trouble, [])
        return b"" if trouble == "empty" else b",".join(fields)

    def odd_name(self, name):
        name = "".join(self.rng.choice([letter.upper(), letter]) if letter.isascii() else letter for letter in name)
        return self.rng.choice(["", " ", "\t"]) + name + self.rng.choice(["", " ", "\v\f"])

    def quoted(self, field, rate):
        must = any(byte in field for byte in b',"\n') or field.endswith(b"\r")
        if must or self.rng.random() < rate:
            return b'"' + field.replace(b'"', b'""') + b'"'
        return field

    def row(self, event):
        profile, rng = self.profile, self.rng
        values = dict(event, event_time=self.time_text(event["event_time"]))
        if profile.odd_case:
            values["event_type"] = rng.choice([str.upper, str.title, str.lower])(values["event_type"])
        dirt = rng.choice(profile.dirt) if rng.random() < profile.dirty else None
        if dirt == "long_row" and rng.random() < 0.95:
            dirt = None                        # a few of these make the file big enough
        self.spoil_value(values, dirt)
        fields = []
        for name in self.columns:
            field = values.get(name, rng.choice(["", "red", '"', "\r\n"]) if profile.quote else "").encode()
            if rng.random() < profile.pad:
                field = rng.choice([b" ", b"\t ", b"\v", b"\f", b"\r", b"\n", b""]) + field + rng.choice([b" ", b"\r", b"\n", b"\t\t"])
            fields.append(self.quoted(field, profile.quote))
        return self.spoil_row(b",".join(fields), dirt)

    def time_text(self, micros):
        """An exact writing of the instant in one of the profile's styles."""
        rng = self.rng
        style = rng.choice(self.profile.time_styles)
        if style == "millis" and micros % 1000 == 0 and micros >= 0:
            return f"{micros // 1000:013d}"
        zone = {"utc": " UTC", "z": "Z", "t_z": "Z"}.get(style, "")
        if "offset" in style:
            hours, minutes = rng.choice([(2, 0), (0, 0), (5, 30), (23, 59), (0, 1)])
            sign = rng.choice([1, -1])
            micros += sign * (hours * 60 + minutes) * MINUTE
            zone = f"{'+' if sign > 0 else '-'}{hours:02d}:{minutes:02d}"
        moment = datetime(1970, 1, 1) + timedelta(microseconds=micros)
        fraction = f"{micros % SECOND:06d}" + rng.choice(["", "", "9", "99", "999"])
        if micros % SECOND == 0 and rng.random() < 0.7:
            fraction = ""
        elif rng.random() < 0.5:
            fraction = fraction.rstrip("0") or "0"
        text = moment.strftime("%m-%d{}%H:%M:%S").format("T" if style.startswith("t_") else " ")
        return f"{moment.year:04d}-{text}{'.' + fraction if fraction else ''}{zone}"

    def spoil_value(self, values, dirt):
        rng = self.rng
        columns = {"bad_time": "event_time", "bad_type": "event_type", "no_product": "product_id", "no_user": "user_id", "no_session": "user_session",
                   "bad_price": "price", "no_price": "price", "bad_quantity": "quantity"}
        choices = {"bad_time": BAD_TIMES, "bad_type": ["tick", "", "buy", "view2", "v\u0131ew"], "bad_price": BAD_PRICES,
                   "bad_quantity": BAD_QUANTITIES}
        if dirt in columns:
            values[columns[dirt]] = rng.choice(choices.get(dirt, ["", "  ", "\t"]))
        elif dirt == "long_id":
            values[rng.choice(["product_id", "user_id", "user_session"])] = rng.choice(["x" * 129, "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 65, " " + "y" * 128])
        elif dirt == "long_text":
            values[rng.choice(["category_id", "category_code", "brand", "message_id", "order_id"])] = rng.choice(["b" * 257, "b" * 256 + " ", "b" * 5000])

    def spoil_row(self, row, dirt):
        rng = self.rng
        place = rng.randrange(len(row) + 1)
        commas = [i for i, byte in enumerate(row) if byte == 44]
        starts = [0] + [i + 1 for i in commas]
        at = rng.choice(starts)
        if dirt == "fields_less":
            return row[:rng.choice(commas)]
        if dirt == "empty_line":
            return rng.choice([b"", b'""', b" ", b",", b"\r"])
        if dirt == "cut_row":
            return row[:place]
        if dirt == "long_row":                 # on the edge of the limit, or beyond, with or without quotes and line ends
            filler = rng.choice([b"y", b"y\n", b'""'])
            room = 65_536 - len(row) - 3 + rng.choice([-2, -1, 0, 1, 2, 700])
            text = (filler * (room // len(filler) + 1))[:room]
            return row + b',"' + text + b'"' if filler != b"y" or rng.random() < 0.5 else row + text
        inserts = {"fields_more": (len(row), b",extra"), "nul": (place, b"\0"), "bad_utf8": (place, rng.choice(BAD_UTF8)), "open_quote": (at, b'"'),
                   "stray_quote": (place, b'"'), "after_quote": (at, rng.choice([b'"x" ', b'"x"y', b'"a""b', b'"x"\r'])), "lone_cr": (place, b"\r"),
                   "quoted_bad": (len(row), rng.choice([b',"a\nb"', b',"a\r\nb\xff"', b',"\n\0"']))}
        where, text = inserts.get(dirt, (0, b""))
        return row[:where] + text + row[where:]


def generate(seed, rows, paths):
    """Writes the files; gives the profile they were made with."""
    profile = Profile(seed, rows)
    events = list(Story(profile).events())
    for number, path in enumerate(paths):
        part = events[len(events) * number // len(paths):len(events) * (number + 1) // len(paths)]
        with open(path, "wb") as file:
            file.write(Writer(profile).bytes_of(part))
    return profile


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rows", type=int, help="(the profile's)")
    parser.add_argument("--out", nargs="+", required=True, metavar="FILE")
    options = parser.parse_args()
    print(*generate(options.seed, options.rows, options.out).flags())


if __name__ == "__main__":
    main()
