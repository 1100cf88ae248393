"""What a referrer tells by itself: its site, and whether that is a search engine or a social network; asked once a distinct text."""

from __future__ import annotations

import functools
import re
from typing import Final

_LONGEST: Final = 2_048
_HOST: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:www\.)?([^/?#:]+)(:[0-9]+)?", re.IGNORECASE)
_SEARCH: Final = re.compile(
    r"(.*\.)?(google|yahoo|yandex|baidu|naver|seznam)\.[a-z.]+"
    r"|(.*\.)?(bing|duckduckgo|ecosia|startpage|qwant|perplexity|ask|aol|sogou|kagi)\.(com|org|net|ai)"
    r"|search\..*|com\.google\.android\.googlequicksearchbox"
)
_SOCIAL: Final = re.compile(
    r"(.*\.)?(facebook|instagram|linkedin|pinterest|reddit|tiktok|twitter|x|youtube|whatsapp|threads|tumblr|quora|snapchat|vk|weibo|discord"
    r"|bsky|telegram)\.(com|net|app|org)|t\.co|lnkd\.in|fb\.me|t\.me|youtu\.be|news\.ycombinator\.com|(.*\.)?mastodon\..*"
)


def site_and_class(referrer: str) -> tuple[str | None, str]:
    """Host and port of a referrer in lower case, without `www.`, None where it is a path; and its class where that is another site.

    A path is `internal`, a site `search`, `social` or `referral`.
    """
    return _site_and_class(referrer[:_LONGEST])


@functools.lru_cache(maxsize=16_384)
def _site_and_class(referrer: str) -> tuple[str | None, str]:
    found = _HOST.match(referrer)
    if found is None:
        return None, "internal" if referrer.startswith("/") else "referral"
    host = found[1].lower()
    kind = "search" if _SEARCH.fullmatch(host) else "social" if _SOCIAL.fullmatch(host) else "referral"
    return host + (found[2] or ""), kind
