"""`make chaos`: kills a collector and cuts its power, counts every row, and prints what came of it; 1 where one was lost or doubled.

python -m tests.chaos.run [--quick] [--seed N] [--only kills|power]
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import power, record

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done.

    Attributes:
        kills, rows, kill_s: at least so many kills and rows, for at most so many seconds.
        lives, cuts: recorded lives of a pond, and how often their record is cut.
        recoveries, recovery_cuts: how many recoveries after a cut are recorded too, and how often each of these is cut.
    """

    kills: int
    rows: int
    kill_s: float
    lives: int
    cuts: int
    recoveries: int
    recovery_cuts: int


FULL = Size(kills=110, rows=1_050_000, kill_s=2400.0, lives=12, cuts=850, recoveries=10, recovery_cuts=20)
QUICK = Size(kills=12, rows=40_000, kill_s=60.0, lives=2, cuts=40, recoveries=1, recovery_cuts=10)


def main() -> int:
    """Do it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few minutes at most")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32), help="of what is chosen at random; the times are not")
    parser.add_argument("--only", choices=["kills", "power"], help="the one half")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    if record.STRACE is None and options.only != "kills":
        _say("power losses need strace, which is not installed (Debian, Ubuntu: apt install strace); `--only kills` goes without")
        return 2
    _say(f"seed {options.seed}")
    good = True
    with tempfile.TemporaryDirectory(prefix="otelpond-chaos-") as folder:
        if options.only != "kills":  # first: its workers are forked, and killing imports what starts threads
            good = _cut_power(Path(folder), size, options.seed)
        if options.only != "power":
            good = _kill(Path(folder), size, options.seed) and good
    return 0 if good else 1


def _cut_power(folder: Path, size: Size, seed: int) -> bool:
    started = time.monotonic()
    workers = os.cpu_count() or 2
    chance = random.Random(seed)
    (folder / "power").mkdir()
    lives = power.record_lives(folder / "power", size.lives)
    figures = power.cut_and_recover(lives, size.cuts, workers=workers, seed=seed)
    for number in range(size.recoveries):
        cut = chance.randrange(len(lives.events))
        again = power.record_recovery(lives, cut, folder / "again", chance)
        figures.add(power.cut_and_recover(again, size.recovery_cuts, workers=workers, seed=seed + 1 + number))
    _say(
        f"power: {figures.recoveries} power losses in {figures.operations} file operations, acknowledged {figures.acknowledged} rows,"
        f" found {figures.found}, lost {figures.lost}, doubled {figures.doubled}, failed recoveries {figures.failed}"
        f" (slowest {figures.slowest_s:.1f} s; {time.monotonic() - started:.0f} s in all)"
    )
    for complaint in figures.complaints[:10]:
        _say(f"power: {complaint}")
    return figures.recoveries > 0 and not (figures.lost or figures.doubled or figures.failed)


def _kill(folder: Path, size: Size, seed: int) -> bool:
    from . import kills  # noqa: PLC0415 - see above

    cache = os.environ.get("OTELPOND_CACHE_DIR") or str(ROOT / ".pytest_cache" / "d" / "otelpond-kernels")
    environment = {"OTELPOND_CACHE_DIR": cache}
    warm = [sys.executable, "-m", "otelpond.config.cli", "warm"]
    subprocess.run(warm, env=os.environ | environment, check=True, capture_output=True, timeout=600)
    figures = kills.run(folder, kills=size.kills, rows=size.rows, environment=environment, seed=seed, seconds=size.kill_s)
    for way, count in sorted(figures.kills.items()):
        _say(f"kills: {count:3} {way}")
    _say(
        f"kills: {figures.total} kills, rows sent {figures.rows_sent}, of them in all tables acknowledged {figures.acknowledged},"
        f" found {figures.found}, lost {figures.lost}, doubled {figures.doubled}; retries {figures.retries},"
        f" rejected {figures.rejected}, in quarantine {figures.quarantined} ({figures.seconds:.0f} s)"
    )
    for complaint in figures.complaints:
        _say(f"kills: {complaint}")
    return figures.total > 0 and not (figures.lost or figures.doubled or figures.rejected)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
