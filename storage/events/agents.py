"""Reads user agents: device, browser, system, and whether it is a machine; the event reader hands it the distinct texts of a batch.

The library is ua-parser, whose patterns are those of all its ports; they are loaded (35 MB) with the first text. A new text takes
60-450 us, so texts are remembered, and a batch may bring 2,000 new ones at most.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ua_parser import Domain, PartialResult, loaders
from ua_parser.regex import Resolver

from ..log_lines import fault

_REMEMBERED: Final = 16_384
_MOST_NEW: Final = 2_000
_LONGEST: Final = 1_024
_TRIES: Final = 3
_log = logging.getLogger(__name__)

_MACHINE: Final = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|headless|phantomjs|lighthouse|pingdom|uptime|monitor"
    r"|^(curl|wget|python|go-http|java|okhttp|axios|node|libwww|ruby|php|postman|insomnia|httpie)",
    re.IGNORECASE,
)
_TABLET: Final = re.compile(r"ipad|tablet|playbook|kindle|silk/(?!.*mobile)|android(?!.*mobile)", re.IGNORECASE)
_TELEVISION: Final = re.compile(r"smart-?tv|\btv\b|appletv|googletv|crkey|roku|playstation|xbox|nintendo|aft[a-z]\b", re.IGNORECASE)
_MOBILE: Final = re.compile(r"mobi|iphone|ipod|android|windows phone", re.IGNORECASE)
_DESKTOP: Final = re.compile(r"windows nt|macintosh|x11|cros|linux", re.IGNORECASE)

Parse: TypeAlias = Callable[[str], PartialResult]


@dataclass(frozen=True, slots=True)
class Agent:
    """What a user agent's text says; None where it does not.

    Attributes:
        device_type: desktop, mobile, tablet, bot or other.
        is_bot: whether it is a machine, programs and headless browsers among them.
    """

    device_type: str
    is_bot: bool
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None


class AgentReader:
    """Reads user agents, and remembers those read last; to be used from one thread."""

    def __init__(self, parse: Parse | None = None) -> None:
        self._parse = parse
        self._known: OrderedDict[str, Agent] = OrderedDict()

    def read(self, texts: Sequence[str | None]) -> list[Agent | None]:
        """Read the distinct texts of a batch, in order; None where a text could not be read, or too many are new."""
        left = _MOST_NEW
        agents: list[Agent | None] = []
        for text in texts:
            looked_at = (text or "")[:_LONGEST]
            agent = self._known.get(looked_at)
            if agent is not None:
                self._known.move_to_end(looked_at)
            elif looked_at and left:
                left -= 1
                agent = self._tried(looked_at)
            agents.append(agent)
        return agents

    def _tried(self, text: str) -> Agent | None:
        """The agent, remembered; None where reading failed every time."""
        for attempt in range(1, _TRIES + 1):
            try:
                agent = self._read(text)
            except Exception as error:  # noqa: BLE001 - whatever the library meets, the event is stored without its device
                if attempt == _TRIES:
                    _log.warning("a user agent could not be read (%s)", fault(error))
            else:
                self._known[text] = agent
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
                return agent
        return None

    def _read(self, text: str) -> Agent:
        if self._parse is None:
            self._parse = _library()
        result = self._parse(text)
        browser, system = result.user_agent, result.os
        is_bot = bool(_MACHINE.search(text)) or (result.device is not None and result.device.family == "Spider")
        return Agent(
            device_type="bot" if is_bot else _device_type(text),
            is_bot=is_bot,
            browser=browser.family if browser else None,
            browser_version=_version(browser.major, browser.minor, browser.patch) if browser else None,
            os=system.family if system else None,
            os_version=_version(system.major, system.minor, system.patch) if system else None,
        )


def _library() -> Parse:
    resolver = Resolver(loaders.load_builtins())
    return lambda text: resolver(text, Domain.ALL)


def _device_type(text: str) -> str:
    classes = (("other", _TELEVISION), ("tablet", _TABLET), ("mobile", _MOBILE), ("desktop", _DESKTOP))
    return next((name for name, pattern in classes if pattern.search(text)), "other")


def _version(*parts: str | None) -> str | None:
    return ".".join(part for part in parts if part is not None) or None
