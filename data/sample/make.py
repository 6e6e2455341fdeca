#!/usr/bin/env python3
"""Makes catalogue.csv, subscribers.csv and coupons.csv from the sample's own events and items.

The events (2019-*.csv) and items.csv are real, from the source that NOTICE names; what this
script writes is made up, the same at each run. Every address is at a domain that RFC 2606
reserves for examples, so none can belong to a person.
"""
import csv
import hashlib
import pathlib

HERE = pathlib.Path(__file__).parent
SHOP = "https://shop.example.com"

# The data has no product names, and almost no category names: each category gets one of these.
KINDS = ["gel polish", "nail polish", "top coat", "base coat", "cuticle oil", "nail file", "nail drill bit", "nail stickers",
         "rhinestones", "glitter powder", "brush set", "UV lamp", "cuticle nippers", "hand cream", "foot scrub", "face mask",
         "eyebrow henna", "lash glue", "hair dye", "hair oil", "shampoo", "wax beans", "sugar paste", "cotton pads", "gloves",
         "acrylic powder", "modelling gel", "stamping plate"]

# Names that have broken someone's mail, page, shell, query or terminal. They must arrive as text, or not at all.
HOSTILE = ["Zoë", "O'Brien", 'Anna "Ann"', "<b>Eve</b>", "<script>alert(1)</script>", "{{unsubscribe_url}}", "{{{html}}}",
           "{{#items}}x{{/items}}", "&lt;Ivy&gt;", "Robert'); DROP TABLE subscribers;--", "=HYPERLINK(\"https://example.com\")",
           "Ann\r\nBcc: everyone@example.com", "Bob\nSubject: free", "ann@example.org, all@example.org", "$(reboot)", "%s%n%s",
           "\x1b[31mRed\x1b[0m", "\u202egnirts", "李小龙", "Ольга", "مريم", "👩\u200d🎨 Mia", "x" * 300, "   ", "NULL", "../../etc/passwd"]
NAMES = ["Anna", "Maria", "Elena", "Julia", "Sophie", "Ines", "Katya", "Lena", "Mila", "Nora", "Olga", "Petra", "Rita", "Sara",
         "Tanya", "Vera", "Zara", "Alex", "Ben", "Chris"]
ZONES = ["Europe/Berlin", "Europe/Moscow", "Europe/Lisbon", "Asia/Almaty", "America/New_York", "Asia/Kolkata",
         "Pacific/Auckland", "America/St_Johns", "UTC"]


def draw(choices, *key):
    """One of the choices, by a hash of the key: no random state, so adding a line changes no other."""
    return choices[int.from_bytes(hashlib.sha256("/".join(key).encode()).digest()[:8]) % len(choices)]


def rows(name):
    with open(HERE / name, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def write(name, header, lines):
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(lines)


def catalogue():
    """A line for each product: its brand and category are real where the item table has them."""
    products = {}
    for item in rows("items.csv"):
        known = products.setdefault(item["product_id"], {"brand": "", "category_id": "", "category_code": ""})
        for column in known:
            known[column] = known[column] or item[column]
    for product, known in sorted(products.items()):
        kind = known["category_code"].rpartition(".")[2].replace("_", " ") or draw(KINDS, known["category_id"])
        name = f"{known['brand'].capitalize()} {kind} {product}".strip()
        yield product, name[0].upper() + name[1:], f"{SHOP}/images/{product}.jpg", f"{SHOP}/products/{product}"


def subscribers():
    """Most of the sample's users; the rest have no address, as in any shop."""
    users = sorted({event["user_id"] for month in ("Oct", "Nov", "Dec") for event in rows(f"2019-{month}.csv")})
    for number, user in enumerate(u for u in users if draw(range(10), u, "known") < 8):
        hostile = number % 12 == 0
        name = HOSTILE[number // 12 % len(HOSTILE)] if hostile else draw(NAMES, user, "name")
        domain = draw(["example.com", "example.org", "example.net", "mail.example.com"], user, "domain")
        yield (user, f"customer.{user}@{domain}", name, draw(["yes"] * 6 + ["no", ""], user, "consent"),
               draw(["en", "en", "de", "ru", "fr", ""], user, "language"), draw(ZONES + [""], user, "zone"))


def coupons():
    for number in range(200):
        digest = hashlib.sha256(f"coupon/{number}".encode()).hexdigest()[:8].upper()
        yield (f"BACK-{digest[:4]}-{digest[4:]}",)


def main():
    write("catalogue.csv", ["product_id", "name", "image_url", "url"], catalogue())
    write("subscribers.csv", ["user_id", "email", "first_name", "consent", "language", "time_zone"], subscribers())
    write("coupons.csv", ["code"], coupons())


if __name__ == "__main__":
    main()
