"""What the benchmarks share: the machine's name, the simulated file, one measured run of a command."""
import hashlib
import os
import subprocess
import threading
import time
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(ROOT, "build", "bench")
EVENTS_FULL = 20_692_840
SAMPLE_SECONDS = 0.05          # between two looks at a process's memory
HEAD_BYTES = 1 << 20           # of a cached file, compared with what the simulator makes now


class Stop(Exception):
    """Ends the benchmark with one sentence."""


class Run(NamedTuple):
    wall: float                # seconds
    cpu: float                 # seconds, user and system
    resident: int              # bytes, greatest, up to the last look
    anonymous: int             # bytes, greatest of all looks


def machine():
    """One line: processor, cores, memory, kernel."""
    fields = dict(line.split(":", 1) for line in subprocess.run(
        ["lscpu"], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout.splitlines() if ":" in line)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{fields.get('Model name', 'unknown processor').strip()}, {os.cpu_count()} cores, "
            f"{memory:.1f} GiB, {os.uname().sysname} {os.uname().release}")


# ---- one run ---------------------------------------------------------------------------------

def memory_of(pid):
    """(greatest resident bytes so far, anonymous bytes now); anonymous: heap, stacks, what no file stands behind."""
    found = {"VmHWM:": 0, "RssAnon:": 0}
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition("\t")
                if name in found:
                    found[name] = int(value.split()[0]) * 1024
    except OSError:
        pass                                   # the process is gone
    return found["VmHWM:"], found["RssAnon:"]


def watch_memory(pid, done, peak):
    while not done.wait(SAMPLE_SECONDS):
        peak[:] = map(max, peak, memory_of(pid))


def measure(command, stdout=subprocess.DEVNULL, stderr_to=None):
    """Runs the command to its end. Stop if it fails, with the end of what it said."""
    log = stderr_to or os.path.join(CACHE, "stderr.txt")
    peak, done = [0, 0], threading.Event()
    with open(log, "wb") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors)
        watcher = threading.Thread(target=watch_memory, args=(child.pid, done, peak))
        watcher.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    done.set()
    watcher.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        with open(log, encoding="utf-8", errors="replace") as file:
            raise Stop(f"exit code {child.returncode} of: {' '.join(command)}\n{file.read()[-2000:]}")
    # wait4's ru_maxrss would begin at what this Python had when it forked; a run too short to be seen has only that.
    return Run(wall, usage.ru_utime + usage.ru_stime, peak[0] or usage.ru_maxrss * 1024, peak[1])


# ---- the simulated file ----------------------------------------------------------------------

def simulator_head(binary, events, seed):
    command = [binary, "simulate", "--events", str(events), "--seed", str(seed), "--quiet", "--out", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        head = child.stdout.read(HEAD_BYTES)
        child.stdout.close()
        child.wait()
    return head


def is_current(path, binary, events, seed):
    """Whether the file begins as the simulator begins now."""
    if not os.path.exists(path):
        return False
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES) == simulator_head(binary, events, seed)


def simulated(binary, events, seed):
    """The path of the simulated file, made now if it is not there yet; read once, so that it is in the page cache."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.join(CACHE, f"simulated-{events}-{seed}.csv")
    if not is_current(path, binary, events, seed):
        run = measure([binary, "simulate", "--events", str(events), "--seed", str(seed), "--quiet", "--out", path])
        print(f"simulated {events:,} events in {run.wall:.1f} s ({events / run.cpu / 1e6:.1f} M events/s of CPU)")
    warm(path)
    return path


def warm(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def first_rows(path, rows):
    """A file beside `path` that holds the header and so many rows."""
    part = f"{path[:-len('.csv')]}-first-{rows}.csv"
    with open(path, "rb") as source, open(part, "wb") as out:
        for _, line in zip(range(rows + 1), source):
            out.write(line)
    return part


def checksum(folder):
    """SHA-256 over names, lengths and bytes of all files, in the order of their names."""
    total, size = hashlib.sha256(), 0
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(base, name)
            size += os.path.getsize(path)
            total.update(f"{os.path.relpath(path, folder)}\0{os.path.getsize(path)}\0".encode())
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    total.update(block)
    return total.hexdigest(), size
