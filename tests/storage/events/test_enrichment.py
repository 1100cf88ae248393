"""User agents, maps of pages and the alias file by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from otelpond.storage.events import agents, reading, referrers
from otelpond.storage.events.agents import Agent, AgentReader
from otelpond.storage.events.aliases import AliasError, load_aliases
from otelpond.storage.events.catalogue import load_catalogue
from otelpond.storage.events.page_slugs import PageSlugs, PageSlugsError, load_page_slugs

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
DEVICES = {
    CHROME: "desktop",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Mobile Safari/537.36": "mobile",
    "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36": "tablet",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 TV Safari/538.1": "other",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36": "bot",
    "python-requests/2.31": "bot",
    "something": "other",
}


@pytest.fixture(scope="module")
def reader() -> AgentReader:
    """One for all: it loads its patterns with the first text."""
    return AgentReader()


def test_user_agents_are_sorted_by_device(reader: AgentReader) -> None:
    """Machines are bots, whatever they say beside."""
    found = reader.read(list(DEVICES))
    assert list(DEVICES.values()) == [agent and agent.device_type for agent in found]
    assert [kind == "bot" for kind in DEVICES.values()] == [agent and agent.is_bot for agent in found]


def test_a_user_agent_names_browser_and_system(reader: AgentReader) -> None:
    """With their versions, as far as the text has them."""
    assert [Agent("desktop", False, "Chrome", "120.0.0", "Windows", "10"), None] == reader.read([CHROME, None])


def test_user_agents_are_remembered_and_new_ones_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender of ever new texts costs a batch a bounded time: the rest of them is left unread."""
    monkeypatch.setattr(agents, "_MOST_NEW", 3)
    monkeypatch.setattr(agents, "_REMEMBERED", 4)
    reader = AgentReader()
    texts = [f"agent/{number}" for number in range(5)]
    assert [False, False, False, True, True] == [agent is None for agent in reader.read(texts)]
    assert [False] * 5 == [agent is None for agent in reader.read(texts)]
    assert 4 == len(reader._known)


def test_of_long_texts_the_part_that_is_read_is_remembered(reader: AgentReader) -> None:
    """What a sender fills memory with has a bound, in bytes too."""
    reader.read(["x" * 1_000_000])
    slugs = PageSlugs({"/a": "a"})
    slugs.slug("/" * 1_000_000)
    assert {1_024} == {len(text) for text in reader._known if text.startswith("xx")}
    assert {2_048} == {len(path) for path in slugs._known}
    before = referrers._site_and_class.cache_info().currsize
    assert {("a.example", "referral")} == {referrers.site_and_class(f"https://a.example/{'x' * 4_000}{number}") for number in range(3)}
    assert before + 1 == referrers._site_and_class.cache_info().currsize
    before = reading._remembered.cache_info().currsize
    assert (None, "curl/8") == reading._of_resource(json.dumps({"user_agent.original": "curl/8", "x": "x" * 5_000}))
    assert before == reading._remembered.cache_info().currsize


def test_long_user_agents_take_no_time(reader: AgentReader) -> None:
    """What is beyond 1,024 characters is not looked at."""
    (agent,) = reader.read([CHROME + " " * 1_000_000 + "bot/1"])
    assert agent is not None
    assert "desktop" == agent.device_type


def test_a_map_of_pages_knows_paths_segments_and_folders() -> None:
    """What is written out wins over patterns, and an earlier pattern over a later one."""
    slugs = PageSlugs({"/a/{id}": "one", "/a/new": "new", "/help/*": "help", "/a/{b}/c": "deep", "/{any}": "top"})
    paths = ["/a/7", "/a/new", "/a/new/", "/help", "/help/x/y", "/a/7/c", "/x", "/a/7/d", "", None]
    assert ["one", "new", "new", "help", "help", "deep", "top", None, None, None] == [slugs.slug(path) for path in paths]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pages = 1", "expected one table"),
        ("[slugs]", "expected one table"),
        ('[pages]\n"a" = "b"', "begins with /"),
        ('[pages]\n"/a" = 1', "and a slug, not 1"),
        ("[pages", "pages.toml"),
    ],
)
def test_a_map_that_cannot_be_used_says_why(tmp_path: Path, text: str, problem: str) -> None:
    """File and key are named."""
    file = tmp_path / "pages.toml"
    file.write_text(text)
    with pytest.raises(PageSlugsError, match=r"pages\.toml") as caught:
        load_page_slugs(file)
    assert problem in str(caught.value)


def test_a_map_is_read_from_its_file(tmp_path: Path) -> None:
    """As the setting names it."""
    file = tmp_path / "pages.toml"
    file.write_text('[pages]\n"/audits/{id}" = "audit-form"\n')
    assert "audit-form" == load_page_slugs(file).slug("/audits/17")
    with pytest.raises(PageSlugsError, match=r"absent\.toml"):
        load_page_slugs(tmp_path / "absent.toml")


def test_the_map_to_start_from_names_the_pages_of_the_documents() -> None:
    """Each of the features that the plan wants tracked has a slug."""
    slugs = load_page_slugs(Path(__file__).parents[3] / "config" / "deployment" / "page_slugs.toml")
    paths = {
        "/": "home",
        "/dashboard/": "dashboard",
        "/audits/new": "create-audit",
        "/audits/4711": "audit-form",
        "/audit-reports/2026": "audit-reports",
        "/settings/permissions": "settings",
        "/settings/users/7": "user-management",
        "/help/bug-report": "help",
        "/sandbox/audit-form": "audit-form-sandbox",
    }
    assert paths == {path: slugs.slug(path) for path in paths}


def test_aliases_lead_to_events_of_the_catalogue() -> None:
    """Or to themselves: such a name is known, and has no rules."""
    known = load_catalogue().events
    assert set() == {alias.event for name, alias in load_aliases().events.items() if alias.event != name} - known.keys()


@pytest.mark.parametrize(
    "text", ["", 'version = "1"', 'version = "1"\n[events.a]\n', 'version = "1"\n[events.a]\nevent = "b"\nvalues = { c = 1 }']
)
def test_an_alias_file_that_cannot_be_used_says_why(tmp_path: Path, text: str) -> None:
    """File and key are named."""
    file = tmp_path / "aliases.toml"
    file.write_text(text)
    with pytest.raises(AliasError, match=r"aliases\.toml"):
        load_aliases(file)
