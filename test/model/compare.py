#!/usr/bin/env python3
"""Compares two folders that `replay --out` wrote: values as parsed, in their order.

compare.py [--basename] DIR_A DIR_B: prints the first differences, exits 1 on any. Numbers
compare exactly, strings by bytes. --basename compares only the last part of a reject's source.
"""
import argparse
import json
import os
import re
import sys

SHOWN_MAX = 5                                  # differences of one file
JSON_FILES = ("report.json", "carts.jsonl")
CSV_FILES = ("sales.csv", "products.csv", "rejects.csv")
FIELD = re.compile(rb'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\r?\n|\Z)')


def read_csv(data):
    """Rows of fields, by SEMANTICS 1; unlike an input row, a row here may be of any length."""
    rows, row, pos = [], [], 0
    while pos < len(data):
        match = FIELD.match(data, pos)
        if not match:
            raise ValueError(f"bad CSV at byte {pos}: {data[pos:pos + 60]!r}")
        quoted, plain, ending = match.groups()
        if quoted is None and ending.endswith(b"\n") and plain.endswith(b"\r"):
            plain = plain[:-1]
        row.append(plain if quoted is None else quoted.replace(b'""', b'"'))
        pos = match.end()
        if ending != b",":
            rows.append(row)
            row = []
    return rows


def read_json(data):
    """Objects become lists of pairs, so that repeated keys count; their order does not."""
    return json.loads(data.decode("utf-8"), object_pairs_hook=Pairs, parse_float=Number)


class Pairs(list):
    pass


class Number(str):
    """A number that is not written as an integer: never equal to one that is."""


def differences(a, b, where=""):
    """Yields (path, value in A, value in B) of whatever differs."""
    if isinstance(a, Pairs) and isinstance(b, Pairs):
        keys_a, keys_b = sorted(key for key, _ in a), sorted(key for key, _ in b)
        if keys_a != keys_b:
            yield f"{where} keys", keys_a, keys_b
        values_b = dict(b)
        for key, value in a:
            if key in values_b:
                yield from differences(value, values_b[key], f"{where}.{key}")
    elif type(a) is list and type(b) is list:
        if len(a) != len(b):
            yield f"{where} length", len(a), len(b)
        for place, pair in enumerate(zip(a, b)):
            yield from differences(*pair, f"{where}[{place}]")
    elif type(a) is not type(b) or a != b:
        yield where, a, b


def records(name, data, basename):
    if name == "report.json":
        return [read_json(data)]
    if name.endswith(".jsonl"):
        return [read_json(line) for line in data.rstrip(b"\n").split(b"\n") if line]
    rows = read_csv(data)
    if name == "rejects.csv" and basename:
        for row in rows[1:]:
            row[0] = row[0].rsplit(b"/", 1)[-1]
    return rows


def short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-90:]} ({len(text)} characters)"


def compare_file(name, folder_a, folder_b, basename, out):
    """Prints the first differences of one file; True if there are none."""
    sides = []
    for folder in (folder_a, folder_b):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                sides.append(records(name, file.read(), basename))
        except (OSError, ValueError) as error:
            print(f"{name}: {folder}: {error}", file=out)
            return False
    shown = 0
    # A missing or extra record makes all that follow differ: show the first place only.
    moved = len(sides[0]) != len(sides[1])
    if moved:
        print(f"{name}: {len(sides[0])} and {len(sides[1])} records", file=out)
    for place, (a, b) in enumerate(zip(*sides)):
        if a == b and type(a) is type(b):
            continue
        for where, value_a, value_b in differences(a, b):
            print(f"{name}: record {place} {where}\n  A {short(value_a)}\n  B {short(value_b)}", file=out)
            shown += 1
            if shown == SHOWN_MAX:
                return False
        if moved:
            print(f"  whole A {short(a)}\n  whole B {short(b)}", file=out)
            return False
    if moved and not shown:
        longer = max(sides, key=len)
        print(f"  only in {'AB'[longer is sides[1]]}: {short(longer[min(map(len, sides))])}", file=out)
    return not moved and not shown


def compare(folder_a, folder_b, basename=False, out=sys.stdout):
    """True if the folders agree."""
    return all([compare_file(name, folder_a, folder_b, basename, out) for name in JSON_FILES + CSV_FILES])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--basename", action="store_true", help="of a reject's source")
    parser.add_argument("folder_a", metavar="DIR_A")
    parser.add_argument("folder_b", metavar="DIR_B")
    options = parser.parse_args()
    sys.exit(0 if compare(options.folder_a, options.folder_b, options.basename) else 1)


if __name__ == "__main__":
    main()
