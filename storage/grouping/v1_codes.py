"""Version 1 of what stays of a message although it has digits: codes, which mean something, and words of the trade; frozen."""

from __future__ import annotations

from typing import Final

_PHRASE = (
    r"(?:Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|Request Time-?out|Conflict|Gone"
    r"|Payload Too Large|Unprocessable|Too Many Requests|Internal Server Error|Not Implemented|Bad Gateway|Service Unavailable"
    r"|Gateway Time-?out|Client Error|Server Error)"
)

CODE: Final = (
    r"\b(?=[secrhwSECRHW])(?i:(?:status|exit|error|close|response|return|result|reason)[ _]?(?:code|status)|status|signal|sqlstate|sqlcode"
    r"|https?(?:/\d(?:\.\d)?)?(?:[ _](?:error|status))?|errno|winerror)[ :=#(\[]{1,3}(?i:of |was )?-?[0-9A-Z]{1,10}(?![\w.])"
    r"|\b(?=[A-Zsu])(?:(?:ORA|SQL|DB2|TNS|PLS|TS|CS)-?\d{4,5}\b|E11\d{3}\b|ERROR \d{4} \(\w{5}\)|(?i:sha|utf)-\d{1,3}\b)"
    r"|\b(?=[RregEG])(?:React error #\d{1,4}\b"
    r"|(?i:exited with (?:code |status )?)\d{1,3}\b(?![.,:]\w)|(?i:response) [1-5]\d{2}\b(?![.,:]\w)|(?i:got) [1-5]\d{2}(?= from\b))"
    r"|\A\(\d{4}, |\b0x(?:8007|[cC]0000)[0-9A-Fa-f]{3,4}\b"
    rf"|(?=['\"1-5])['\"]?(?<![\w.])[1-5]\d{{2}} {_PHRASE}['\"]?"
)
"""A regular expression: statuses of HTTP and of processes, numbers of errors of systems and databases, as they are worded."""

WORDS: Final = frozenset(
    (
        *("ipv4", "ipv6", "http1", "http2", "http3", "oauth1", "oauth2", "x509", "p12", "s3", "ec2", "k8s", "i18n", "e2e", "p2p", "log4j"),
        *("md4", "md5", "sha1", "sha2", "sha3", "sha224", "sha256", "sha384", "sha512", "aes128", "aes192", "aes256", "rs256", "rs384"),
        *("rs512", "es256", "es384", "es512", "hs256", "hs384", "hs512", "utf8", "utf16", "utf32", "base16", "base32", "base58", "base64"),
        *("base85", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "x86", "x64", "arm64"),
        *("amd64", "win32", "win64", "mp3", "mp4", "h264", "h265"),
    )
)
"""Words in small letters that are no ids."""
