#!/usr/bin/env python3
"""Runs a binary and the model on generated files and compares what they write.

check.py --binary PATH [--seeds 1..200] [--rows M] [--threads 1,2,3] [--seconds S] [--keep DIR]

Each seed makes one to three files and a way to give them: by name, compressed, or as standard
input. On the first difference the files are made smaller while it stays, and kept; exit 1.
"""
import argparse
import gzip
import io
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import compare
import generate

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = [sys.executable, os.path.join(HERE, "model.py")]
RUN_SECONDS_MAX = 300
SHRINK_RUNS_MAX = 400
SHRINK_SECONDS_MAX = 120


class Case(NamedTuple):
    seed: int
    flags: list                                # of both programs
    threads: str
    way: str                                   # files, gz or stdin
    basename: bool


def make_case(seed, options, folder):
    """The case, and its inputs as bytes. Draws apart from the generator's, so that
    `generate.py --seed` gives the same file for a case of one."""
    rng = random.Random(f"check {seed}")
    count = rng.choice([1, 1, 1, 2, 3])
    way = rng.choice(["files", "files", "files", "gz"] + (["stdin"] if count == 1 else []))
    paths = [os.path.join(folder, f"part{number}.csv") for number in range(count)]
    profile = generate.generate(seed, options.rows, paths)
    inputs = []
    for path in paths:
        with open(path, "rb") as file:
            inputs.append(file.read())
        os.remove(path)
    return Case(seed, profile.flags(), rng.choice(options.threads), way, options.basename), inputs


def write_inputs(case, inputs, folder):
    """The files' names; the same inputs give the same names."""
    suffix, opener = (".csv.gz", gzip.open) if case.way == "gz" else (".csv", open)
    paths = [os.path.join(folder, f"{case.seed}-{number}{suffix}") for number in range(1, len(inputs) + 1)]
    for path, data in zip(paths, inputs):
        with opener(path, "wb") as file:
            file.write(data)
    return paths


def commands(case, paths, binary, folder):
    files = ["-"] if case.way == "stdin" else paths
    tail = case.flags + ["--as-live"]
    return (MODEL + tail + ["--out", os.path.join(folder, "model")] + files,
            shlex.split(binary) + ["replay", "--quiet", "--threads", case.threads] + tail
            + ["--out", os.path.join(folder, "binary")] + files)


def execute(command, case, paths):
    with open(paths[0] if case.way == "stdin" else os.devnull, "rb") as source:
        try:
            done = subprocess.run(command, stdin=source, capture_output=True, timeout=RUN_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return -1, b"timed out"
    return done.returncode, done.stderr


def difference(case, inputs, binary, folder):
    """None if the two agree, or what they differ in. An error of the run must be one for both."""
    paths = write_inputs(case, inputs, folder)
    for name in ("model", "binary"):
        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    model_command, binary_command = commands(case, paths, binary, folder)
    model_code, model_error = execute(model_command, case, paths)
    binary_code, binary_error = execute(binary_command, case, paths)
    if model_code != 0 and b"model:" not in model_error:
        return f"the model failed: {model_error.decode(errors='replace')[-2000:]}"
    if binary_code < 0 or binary_code > 100 or (binary_code != 0) != (model_code != 0):
        return (f"exit code {binary_code} of the binary, {model_code} of the model\n"
                f"{binary_error.decode(errors='replace')[-2000:]}{model_error.decode(errors='replace')[-300:]}")
    if model_code != 0:
        return None
    out = io.StringIO()
    agree = compare.compare(os.path.join(folder, "model"), os.path.join(folder, "binary"), case.basename, out)
    return None if agree else "A is the model, B the binary\n" + out.getvalue()


def shrink(case, inputs, binary, folder):
    """Drops ever smaller chunks of lines while a difference stays."""
    deadline, runs = time.monotonic() + SHRINK_SECONDS_MAX, 0
    for number in reversed(range(len(inputs))):
        lines = inputs[number].split(b"\n")
        first = 0 if "--no-header" in case.flags else 1
        size = max(1, (len(lines) - first) // 2)
        while True:
            start = first
            while start < len(lines):
                fewer = lines[:start] + lines[start + size:]
                trial = inputs[:number] + [b"\n".join(fewer)] + inputs[number + 1:]
                runs += 1
                if runs > SHRINK_RUNS_MAX or time.monotonic() > deadline:
                    return inputs
                if difference(case, trial, binary, folder):
                    lines, inputs = fewer, trial
                else:
                    start += size
            if size == 1:
                break
            size //= 2
    return inputs


def report_failure(case, inputs, what, options):
    kept = os.path.join(options.keep, f"seed-{case.seed}")
    small = os.path.join(kept, "small")
    os.makedirs(small, exist_ok=True)
    print(f"seed {case.seed} FAILED ({case.way}, {case.threads} threads)\n{what}")
    paths = write_inputs(case, inputs, kept)
    model_command, binary_command = commands(case, paths, options.binary, kept)
    redirect = f" < {shlex.quote(paths[0])}" if case.way == "stdin" else ""
    print(f"model:  {shlex.join(model_command)}{redirect}\nbinary: {shlex.join(binary_command)}{redirect}")
    sys.stdout.flush()
    smaller = shrink(case, inputs, options.binary, small)
    what = difference(case, smaller, options.binary, small)    # leaves its files and outputs behind
    print(f"made smaller ({sum(data.count(bytes([10])) for data in smaller)} lines), with both outputs: {small}\n{what}")


def seed_range(text):
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True, help="a program, with leading arguments if need be")
    parser.add_argument("--seeds", type=seed_range, default="1..200")
    parser.add_argument("--rows", type=int, help="of each seed (as its profile says)")
    parser.add_argument("--threads", type=lambda text: text.split(","), default="1,2,3")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no seed after this long")
    parser.add_argument("--keep", default="build/model-check", metavar="DIR", help="for failing files")
    parser.add_argument("--basename", action="store_true", help="compare only the last part of a reject's source")
    options = parser.parse_args()
    started, passed = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            if time.monotonic() - started > options.seconds:
                break
            case, inputs = make_case(seed, options, folder)
            what = difference(case, inputs, options.binary, folder)
            if what:
                report_failure(case, inputs, what, options)
                print(f"{passed} seeds passed before it")
                sys.exit(1)
            passed += 1
    print(f"{passed} seeds passed")


if __name__ == "__main__":
    main()
