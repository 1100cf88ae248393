"""Nothing is lost when tabs are closed, pages left, browsers offline or the collector away; and nothing is stored twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CLOSES = 200


def _stored(arrived: Callable[..., Any], site: Any, name: str, least: int) -> Counter[str]:
    return Counter(uid for (uid,) in arrived(site, "log_record_uid", f"event_name = '{name}'", least=least))


@pytest.mark.timeout(400)
def test_200_closes_and_navigations_lose_nothing(
    sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any], collector: Any
) -> None:
    """With 0 to 60 KiB waiting: every event, every page view and its leave, once; what is stored is wiped, so that no page sends again."""
    site = sites["leave"]
    done = drive("leave", site, count=CLOSES)
    assert CLOSES <= done["views"]
    assert 50_000 < done["longest"] <= 60 * 1024
    assert Counter(done["ids"]) == _stored(arrived, site, "leave.test", len(done["ids"]))
    views = _stored(arrived, site, "user.page_view", done["views"])
    assert {1} == set(views.values())
    leaves = arrived(
        site, "attributes->>'$.\"browser.page_load.id\"', count(*)", "event_name = 'user.page_leave' group by 1", order="1", least=CLOSES
    )
    assert {1} == {count for _, count in leaves}
    assert [] == collector.published("select reason from rejected_records")


def test_more_than_leaves_and_what_is_recorded_offline_is_sent_by_the_next_visit(
    sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any]
) -> None:
    """270 kB at a close, and nine events without a network."""
    site = sites["later"]
    done = drive("later", site)
    assert 18 == len(done["ids"])
    assert Counter(done["ids"]) == _stored(arrived, site, "later.test", 18)


def test_what_is_recorded_while_the_collector_is_away_is_sent_by_the_next_visit(
    sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any], collector: Any, tmp_path: Path
) -> None:
    """With the browser closed in between."""
    site = sites["away"]
    assert 0 == collector.stop()
    try:
        done = drive("away", site, profile=str(tmp_path / "profile"), phase=1)
    finally:
        collector.start()
    drive("away", site, profile=str(tmp_path / "profile"), phase=2)
    assert Counter(done["ids"]) == _stored(arrived, site, "away.test", 1)


def test_settings_do_what_they_say(sites: dict[str, Any], drive: Callable[..., Any], arrived: Callable[..., Any]) -> None:
    """Compression, sampling, wishes not to be tracked, storage, cookies, opting out."""
    told = drive("settings", sites["settings"])
    sent = [name for name, trial in told.items() if trial["posts"]]
    assert {"usual", "plain", "unsampled", "asked_in_vain", "unstored", "cookies"} == set(sent) - {"opted_out"}
    assert ["gzip"] == told["usual"]["encodings"]
    assert [""] == told["plain"]["encodings"]
    assert (None, True) == (told["unsampled"].get("id"), told["unsampled"]["error"] is not None)
    assert [] == told["usual"]["cookies"]
    assert ["otelpond.anonymous", "otelpond.session"] == told["usual"]["storage"]
    assert [] == told["unstored"]["storage"] == told["asked_not_to"]["storage"]
    assert ["otelpond.anonymous", "otelpond.session"] == told["cookies"]["cookies"]
    assert ["otelpond.out"] == told["opted_out"]["storage"]
    site = sites["settings"]
    site.service = f"{site.service}-unsampled"
    assert [("exception",)] == arrived(site, "distinct event_name", order="1")
