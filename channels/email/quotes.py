"""What somebody wrote now, without the history below it that every mail program adds."""

from __future__ import annotations

import re
from typing import Final

LONGEST_LINE: Final = 1_000
MOST_LINES: Final = 5_000
"""Longer lines and later lines are taken as text without a look at them."""

WROTE: Final = re.compile(
    r"^\s{0,3}>?\s{0,3}(?:"
    r"On\s.{4,300}\bwrote\s*:"  # English
    r"|(?:Am|Den)\s.{4,300}\b(?:schrieb|skrev)\b.{0,200}:"  # German, Swedish, Danish
    r"|Le\s.{4,300}\ba\s+[ée]crit\s*:"  # French
    r"|(?:El|Il|Em|Op)\s.{4,300}\b(?:escribi[óo]|ha\s+scritto|escreveu|schreef)\b.{0,200}:"
    r"|(?:در|روز)\s.{3,300}نوشت(?:ه\s+است|ه‌است|ند)?\s*:"  # Persian, as mail programs write it
    r")\s*$",
    re.IGNORECASE,
)
"""The line in front of a quotation; mail programs wrap it."""
WROTE_AFTER: Final = re.compile(r"^.{3,300}(?:نوشت|كتب|написал\(?а?\)?|wrote|schrieb)\s*:\s*$", re.IGNORECASE)
"""The same with the date or the name in front, which is recognised on one line only."""
DATE: Final = re.compile(r"\d.*\d")
"""Both name a date: what a person writes before quoting somebody seldom does."""

BREAK: Final = re.compile(
    r"^\s*(?:"
    r"-{2,}\s*(?:Original Message|Original message|Forwarded message|Ursprüngliche Nachricht|Message d'origine"
    r"|پیام اصلی|پیغام اصلی|پیام ارسال شده|پیام هدایت شده)\s*-{2,}"
    r"|_{20,}"
    r"|-{20,}"
    r")\s*$",
    re.IGNORECASE,
)
"""A line below which everything is history."""

SENDER: Final = re.compile(r"^\s*\*?(?:From|Von|De|Da|از|فرستنده)\s*:\*?\s*\S", re.IGNORECASE)
WHEN: Final = re.compile(r"^\s*\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Inviato|ارسال(?: شده)?|تاریخ)\s*:", re.IGNORECASE)
"""Outlook copies the header: the sender, directly followed by the date. (From and To alone may be a journey.)"""

QUOTED: Final = re.compile(r"^\s{0,3}>")
SIGNATURE: Final = re.compile(r"^--\s?$")


def _header_copy(lines: list[str], place: int) -> bool:
    return bool(SENDER.match(lines[place])) and any(WHEN.match(line) for line in lines[place + 1 : place + 2])


def _wrote(lines: list[str], place: int) -> int:
    """How many lines the line in front of a quotation takes, wrapped ones joined; 0 when it is none."""
    joined = ""
    for length, line in enumerate(lines[place : place + 3], 1):
        if not line.strip():
            return 0
        joined = f"{joined} {line.strip()}".strip()
        if len(joined) > LONGEST_LINE:
            return 0
        found = WROTE.match(joined) or (length == 1 and WROTE_AFTER.match(joined))
        if found and DATE.search(joined):
            return length
    return 0


def _answers_between(tail: list[str]) -> list[str]:
    """What stands between quoted lines; nothing when the history is not marked line by line."""
    if not any(QUOTED.match(line) for line in tail):
        return []
    return [line for line in tail if not QUOTED.match(line)]


def _plain(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if SIGNATURE.match(line):
            break
        kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def newest(text: str) -> str:
    """The new part of a reply. Never empty when the text is not: a mail that only quotes is kept whole."""
    lines = text.splitlines()
    head, tail = lines, []
    for place, line in enumerate(lines[:MOST_LINES]):
        if len(line) > LONGEST_LINE:
            continue
        if BREAK.match(line) or _header_copy(lines, place):
            head = lines[:place]
            break
        length = _wrote(lines, place)
        if length:
            head, tail = lines[:place], _answers_between(lines[place + length :])
            break
    said = _plain([line for line in head if not QUOTED.match(line)] + tail)
    return said or _plain([line.lstrip("> ") for line in lines]) or text.strip()
