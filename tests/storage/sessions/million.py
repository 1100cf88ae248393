# ruff: noqa: T201 - it prints figures
"""Sessions of a million events, shuffled and late, against the reference: equal or not, and what the query takes.

python -m tests.storage.sessions.million [--events 1000000] [--sessions 50000]      about two minutes and 3 GB, most of it Python's own

The days are asked while all of them are open (their files merged, as they are of days that are over), when they are stored, and after
late events of each; the clock is the best of five.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import duckdb
from otelpond.storage import connect
from otelpond.storage.lake.compaction import compact, plan_merges
from otelpond.storage.schema import load_tables

from .conftest import LATER, Pond, sessions_folder
from .reference import sessions
from .visits import made_up

DASHBOARD = """
    select dt, count(*), count(distinct user_id), avg(session_duration), avg(page_views_count), avg(try_cast(is_bounce as integer))
    from user_sessions group by dt order by dt
"""
PLANS = 5
LATE = 0.02


def main() -> int:
    """Print each state's verdict and times; 1 where a session differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=50_000)
    options = parser.parse_args()
    events = made_up(options.events, options.sessions)
    late = len(events) - round(len(events) * LATE)
    folder = Path(tempfile.mkdtemp())
    try:
        pond = Pond(folder / "pond", load_tables([sessions_folder(folder)]))
        step = late // PLANS + 1
        for first in range(0, late, step):
            pond.publish(events[first : min(first + step, late)])
        _merge(pond)
        expected = sessions(events[:late])
        equal = [_judge("all days open", pond, expected)]
        started = time.process_time()
        days = pond.maintain().closed_days
        print(f"{days} days stored in {time.process_time() - started:.1f} s of CPU")
        equal.append(_judge("all days stored", pond, expected))
        pond.publish(events[late:])
        equal.append(_judge("after late events of each day", pond, sessions(events)))
    finally:
        shutil.rmtree(folder)
    return 0 if all(equal) else 1


def _merge(pond: Pond) -> None:
    table = pond.lake.tables["events"]
    for merge in plan_merges(table.snapshot().files, LATER):
        compact(table, merge)
    pond.lake.refresh()


def _judge(state: str, pond: Pond, expected: list[dict[str, object]]) -> bool:
    equal = expected == pond.sessions()
    wall_ms, cpu_ms = _best_ms(pond.data)
    print(
        f"{state}: {len(expected)} sessions, {'equal' if equal else 'DIFFERENT'}; a week of them in {wall_ms:.0f} ms, {cpu_ms:.0f} of CPU"
    )
    return equal


def _best_ms(data: Path) -> tuple[float, float]:
    """Milliseconds by the clock and of two threads' CPU."""
    with connect(data) as con:
        con.execute("set threads = 2")
        return min(_ms(con) for _ in range(5))


def _ms(con: duckdb.DuckDBPyConnection) -> tuple[float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    con.execute(DASHBOARD).fetchall()
    return (time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000


if __name__ == "__main__":
    raise SystemExit(main())
