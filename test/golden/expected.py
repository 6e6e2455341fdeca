#!/usr/bin/env python3
"""Runs `maxcart replay --as-live` on real and hostile files, with 1, 2 and 3 threads, and compares with what is kept.

expected.py BINARY FOLDER [NAME...]: FOLDER/NAME/ holds what must come out of the events that NAME stands for. Without
names every folder in FOLDER is run. Exits 77 (skipped) when FOLDER is not there: a clone has no ../shared.

What is kept was computed by test/model/model.py or another slow model, never by the engine. To make it anew:
    python3 test/model/model.py --as-live --out test/golden/sample data/sample/2019-{Oct,Nov,Dec}.csv
"""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "model"))
import compare

THREADS = ["1", "2", "3"]
MONTHS = ["2019-Oct.csv", "2019-Nov.csv", "2019-Dec.csv"]
SKIPPED = 77


def inputs(name, folder):
    """The event files that a folder of outputs belongs to."""
    if name == "sample":
        return [HERE.parents[1] / "data/sample" / month for month in MONTHS]
    store, _, part = name.partition("-")
    return [folder.parent / store / file for file in (MONTHS if part == "all" else [f"{part}.csv"])]


def agrees(binary, name, folder, threads):
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "replay", "--as-live", "--quiet", "--threads", threads, "--out", out, *map(str, inputs(name, folder))]
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        if run.returncode != 0:
            print(" ".join(command), run.stderr, sep="\n")
        good = run.returncode == 0 and compare.compare(folder / name, out, basename=True)
    print(f"{'ok    ' if good else 'FAILED'} {name}, {threads} threads", flush=True)
    return good


def main():
    binary, folder, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    if not folder.is_dir():
        print(f"SKIPPED: {folder} is not here")
        sys.exit(SKIPPED)
    names = names or sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    sys.exit(0 if all([agrees(binary, name, folder, threads) for name in names for threads in THREADS]) else 1)


if __name__ == "__main__":
    main()
