"""What the page's scripts say."""

from __future__ import annotations

from typing import Final

from desk.labels import N_

SCRIPT: Final = {
    "now": N_("now"),
    "minutes": N_("%(n)s min"),
    "hours": N_("%(n)s h"),
    "days": N_("%(n)s days"),
    "minutes_ago": N_("%(n)s min ago"),
    "hours_ago": N_("%(n)s h ago"),
    "days_ago": N_("%(n)s days ago"),
    "yesterday": N_("yesterday"),
    "quote": N_("“%(text)s”"),
    "live": N_("Live"),
    "ms": N_("%(n)s ms"),
    "reconnecting": N_("Reconnecting"),
    "offline": N_("You are offline"),
    "stale": N_("What you see may be out of date; what you write is kept."),
    "nothing": N_("Nobody found"),
    "found_one": N_("%(n)s customer found"),
    "found": N_("%(n)s customers found"),
    "call": N_("Call"),
    "calls": N_("is calling"),
    "unknown": N_("Unknown caller"),
    "visitor": N_("Unknown visitor"),
    "sending": N_("Sending"),
    "accepted": N_("on its way"),
    "failed": N_("Not sent"),
    "retry": N_("Try again"),
    "empty": N_("Write something first"),
    "saved": N_("Saved"),
    "reading": N_("%(name)s is reading"),
    "reading_many": N_("%(n)s others are reading"),
    "note_placeholder": N_("A note for colleagues; the customer never sees it"),
    "save": N_("Save note"),
    "send": N_("Send"),
    "new_messages": N_("Something new arrived since you began to write"),
    "send_anyway": N_("Send anyway"),
    "answered": N_("answered"),
    "ended": N_("ended"),
    "missed": N_("missed"),
    "waiting": N_("waiting"),
    "close": N_("Close"),
    "asking": N_("Asked; waiting for the decision"),
    "undecided": N_("Not decided yet. It is kept and will be done; look again in a moment."),
    "fit_one": N_("%(n)s entry fits"),
    "fit": N_("%(n)s entries fit"),
    "fit_more": N_("%(n)s entries fit so far; there are earlier ones"),
    "no_fit": N_("Nothing fits these filters."),
    "cleared": N_("No filters any more"),
    "reached_fit": N_("Looked back to %(date)s; nothing more that fits so far."),
    "reached": N_("Looked back to %(date)s; nothing more of this customer so far."),
}
"""By the name that the scripts call it by."""
