#!/usr/bin/env python3
"""Other tools read the lake without our help, and get the same totals.

usage: readers_test.py MAXCART [PYTHON]    PYTHON: of a virtual environment with test/lake/requirements.txt

Replays the sample into a lake and compares what pyarrow, pandas, Polars and DuckDB's own package read from it with
report.json, sales.csv and rejects.csv of the same run. Exit code 77: a package is missing, nothing was tested.
"""
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile

SAMPLE = ["data/sample/2019-Oct.csv", "data/sample/2019-Nov.csv", "data/sample/2019-Dec.csv"]


def in_environment():
    """Goes on in the virtual environment, if one was named and is there."""
    if len(sys.argv) > 2 and os.path.exists(sys.argv[2]) and "MC_READERS" not in os.environ:
        os.environ["MC_READERS"] = "1"
        os.execv(sys.argv[2], [sys.argv[2], "-B", *sys.argv])


def need():
    try:
        import duckdb, pandas, polars, pyarrow, pytz  # noqa: F401
    except ImportError as missing:
        print(f"SKIPPED: {missing}; pip install -r test/lake/requirements.txt into a virtual environment")
        sys.exit(77)


class Expected:
    """What the run itself says."""

    def __init__(self, out):
        report = json.load(open(f"{out}/report.json"))
        self.events, self.late = report["accepted"], report["late"]
        self.by_type = {k: v for k, v in report["by_type"].items() if v}
        self.visits, self.users = report["visits"], report["users"]
        self.units, self.revenue = report["units_sold"], report["revenue_minor"]
        self.rejected = report["rejected"]
        self.sales = {}  # by product and day
        for row in csv.DictReader(open(f"{out}/sales.csv")):
            key = (row["product_id"], row["minute"][:10])
            units, revenue = self.sales.get(key, (0, 0))
            self.sales[key] = (units + int(row["units"]), revenue + int(row["revenue_minor"]))


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")


def compare(tool, expected, found):
    for name in ("events", "late", "by_type", "visits", "users", "units", "revenue", "rejected", "sales"):
        check(f"{tool}, {name}", found[name], getattr(expected, name))
    print(f"{tool}: {found['events']} events, {found['revenue']} of revenue, {len(found['sales'])} products and days")


def with_pyarrow(lake):
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    events = ds.dataset(f"{lake}/events", partitioning="hive").to_table()
    bought = events.filter(pc.equal(events["event_type"], "purchase"))
    revenue = pc.multiply(bought["price_minor"], bought["quantity"].cast(pa.int64()))
    day = pc.strftime(bought["event_time"], "%Y-%m-%d")
    sums = pa.table({"p": bought["product_id"], "d": day, "u": bought["quantity"], "r": revenue})
    sums = sums.group_by(["p", "d"]).aggregate([("u", "sum"), ("r", "sum")]).to_pylist()
    rejects = ds.dataset(f"{lake}/rejects", partitioning="hive").to_table()
    counts = lambda column: {e["values"]: e["counts"] for e in pc.value_counts(column).to_pylist()}
    check("pyarrow, type of event_time", str(events.schema.field("event_time").type), "timestamp[us, tz=UTC]")
    visits = events.filter(pc.is_valid(events["visit_start"])).group_by(["user_id", "user_session", "visit_start"])
    return {
        "events": events.num_rows,
        "late": pc.sum(events["late"]).as_py() or 0,
        "by_type": counts(events["event_type"]),
        "visits": visits.aggregate([]).num_rows,
        "users": pc.count_distinct(events["user_id"]).as_py(),
        "units": pc.sum(bought["quantity"]).as_py(),
        "revenue": pc.sum(revenue).as_py(),
        "rejected": counts(rejects["reason"]),
        "sales": {(r["p"], r["d"]): (r["u_sum"], r["r_sum"]) for r in sums},
    }


def with_pandas(lake):
    import pandas as pd

    events = pd.read_parquet(f"{lake}/events")
    bought = events[events["event_type"] == "purchase"].copy()
    bought["revenue"] = bought["price_minor"].astype("int64") * bought["quantity"]
    bought["day"] = bought["event_time"].dt.strftime("%Y-%m-%d")
    sums = bought.groupby(["product_id", "day"])[["quantity", "revenue"]].sum()
    rejects = pd.read_parquet(f"{lake}/rejects")
    visits = events.dropna(subset=["visit_start"]).groupby(["user_id", "user_session", "visit_start"])
    return {
        "events": len(events),
        "late": int(events["late"].sum()),
        "by_type": {k: int(v) for k, v in events["event_type"].value_counts().items()},
        "visits": visits.ngroups,
        "users": events["user_id"].nunique(),
        "units": int(bought["quantity"].sum()),
        "revenue": int(bought["revenue"].sum()),
        "rejected": {k: int(v) for k, v in rejects["reason"].value_counts().items()},
        "sales": {k: (int(r["quantity"]), int(r["revenue"])) for k, r in sums.iterrows()},
    }


def with_polars(lake):
    import polars as pl

    events = pl.read_parquet(f"{lake}/events/*/*.parquet")
    bought = events.filter(pl.col("event_type") == "purchase").with_columns(
        day=pl.col("event_time").dt.strftime("%Y-%m-%d"), revenue=pl.col("price_minor") * pl.col("quantity"))
    sums = bought.group_by("product_id", "day").agg(pl.col("quantity").sum(), pl.col("revenue").sum())
    rejects = pl.read_parquet(f"{lake}/rejects/*/*.parquet")
    visits = events.filter(pl.col("visit_start").is_not_null())
    return {
        "events": events.height,
        "late": events["late"].sum(),
        "by_type": dict(events["event_type"].value_counts().iter_rows()),
        "visits": visits.select("user_id", "user_session", "visit_start").unique().height,
        "users": events["user_id"].n_unique(),
        "units": bought["quantity"].sum(),
        "revenue": bought["revenue"].sum(),
        "rejected": dict(rejects["reason"].value_counts().iter_rows()),
        "sales": {(p, d): (u, r) for p, d, u, r in sums.iter_rows()},
    }


def with_duckdb(lake):
    import duckdb

    c = duckdb.connect()
    c.execute("SET TimeZone = 'UTC'")
    c.execute(f"CREATE VIEW e AS FROM read_parquet('{lake}/events/*/*.parquet', hive_partitioning = true)")
    c.execute("CREATE VIEW b AS FROM e WHERE event_type = 'purchase'")
    one = lambda sql: c.execute(sql).fetchone()[0]
    pairs = lambda sql: dict(c.execute(sql).fetchall())
    check("duckdb, days by folder", one("SELECT count(*) FROM e WHERE date <> CAST(event_time AS DATE)"), 0)
    sums = c.execute("SELECT product_id, strftime(event_time, '%Y-%m-%d') AS d, sum(quantity), sum(price_minor * quantity)"
                     " FROM b GROUP BY ALL").fetchall()
    return {
        "events": one("SELECT count(*) FROM e"),
        "late": one("SELECT count(*) FROM e WHERE late"),
        "by_type": pairs("SELECT event_type, count(*) FROM e GROUP BY 1"),
        "visits": one("SELECT count(DISTINCT (user_id, user_session, visit_start)) FROM e WHERE NOT late"),
        "users": one("SELECT count(DISTINCT user_id) FROM e"),
        "units": one("SELECT sum(quantity) FROM b"),
        "revenue": one("SELECT sum(price_minor * quantity) FROM b"),
        "rejected": pairs(f"SELECT reason, count(*) FROM read_parquet('{lake}/rejects/*/*.parquet') GROUP BY 1"),
        "sales": {(p, d): (int(u), int(r)) for p, d, u, r in sums},
    }


def check_raw(lake, out):
    """Rejected rows are kept byte for byte."""
    import pyarrow.parquet as pq

    found = []
    for path in sorted(glob.glob(f"{lake}/rejects/*/*.parquet")):
        found += [(r["row"], r["reason"], r["raw"]) for r in pq.read_table(path).to_pylist()]
    text = open(f"{out}/rejects.csv", newline="", encoding="utf-8", errors="surrogateescape")
    wanted = [(int(r["row"]), r["reason"], r["raw"].encode("utf-8", "surrogateescape")) for r in csv.DictReader(text)]
    check("rejected rows", found, wanted)


def main():
    in_environment()
    need()
    with tempfile.TemporaryDirectory() as folder:
        lake, out = f"{folder}/lake", f"{folder}/out"
        subprocess.run([sys.argv[1], "replay", "--as-live", "--quiet", "--archive", lake, "--out", out, *SAMPLE], check=True)
        expected = Expected(out)
        for tool, read in (("pyarrow", with_pyarrow), ("pandas", with_pandas), ("polars", with_polars),
                           ("duckdb", with_duckdb)):
            compare(tool, expected, read(lake))
        check_raw(lake, out)
    print("the same totals everywhere")


if __name__ == "__main__":
    main()
