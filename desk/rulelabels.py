"""What the parts of rules are called on the page. Texts are marked for the catalogues and translated where shown."""

from __future__ import annotations

from typing import Final

from desk.labels import N_

STATES: Final = {
    "live": N_("In force"),
    "shadow": N_("Shadow"),
    "draft": N_("Draft"),
    "paused": N_("Paused"),
    "retired": N_("Retired"),
}
"""In the order of the list."""
STATE_ICONS: Final = {
    "live": "circle-check",
    "shadow": "eye",
    "draft": "sticky-note",
    "paused": "clock",
    "retired": "circle-x",
}
STATE_SENSE: Final = {
    "live": N_("It speaks to customers."),
    "shadow": N_("It decides and notes what it would have said. Nothing is sent."),
    "draft": N_("It is kept here and decides nothing."),
    "paused": N_("It says nothing until it is put in force again."),
    "retired": N_("It is gone from the rules; its history stays."),
}
MOVES: Final = {
    "live": (N_("Put in force"), N_("Within a second it speaks to customers, on every worker at once.")),
    "shadow": (N_("Let it run in the shadow"), N_("It goes on deciding, and notes what it would have said.")),
    "paused": (N_("Pause"), N_("Within a second it says nothing more. It stays as it is.")),
    "retired": (N_("Retire"), N_("It speaks no more, and its waits end without a word. Its history stays.")),
}
"""What can be done with a rule: the button, and what comes of it."""
PURPOSES: Final = {
    "marketing": N_("Marketing"),
    "service": N_("Service"),
    "transactional": N_("Orders and accounts"),
}
ONCE: Final = {
    "per-occurrence": N_("Each time"),
    "per-day": N_("Once a day"),
    "ever": N_("Once ever"),
}
BECAME: Final = {
    "sent": N_("Sent"),
    "delivered": N_("Delivered"),
    "failed": N_("Failed or came back"),
    "doubtful": N_("In doubt"),
    "opened": N_("Opened"),
    "clicked": N_("Link followed"),
    "answered": N_("Answered"),
    "complained": N_("Complained of"),
}
"""What became of what a rule said; each message is counted once."""
EVENTS: Final = {
    "email.received": N_("A mail comes in"),
    "email.opened": N_("A mail is opened"),
    "email.clicked": N_("A link in a mail is followed"),
    "email.bounced": N_("A mail comes back"),
    "email.complained": N_("Somebody complains of unwanted mail"),
    "sms.received": N_("A text message comes in"),
    "sms.failed": N_("A text message could not be delivered"),
    "social.message": N_("A chat message comes in"),
    "social.comment": N_("A comment is written"),
    "social.mention": N_("Somebody mentions us"),
    "social.reaction": N_("Somebody reacts to a post"),
    "phone.ringing": N_("A call comes in"),
    "phone.input": N_("Something is typed in the phone menu"),
    "phone.answered": N_("A call is answered"),
    "phone.ended": N_("A call ends"),
    "phone.missed": N_("A call is missed"),
    "web.track": N_("Something is done on the site"),
    "web.page": N_("A page is looked at"),
    "web.screen": N_("A screen of the app is looked at"),
    "web.identify": N_("A customer signs in"),
    "web.group": N_("A customer joins a group"),
    "consent.given": N_("A customer agrees to messages"),
    "consent.withdrawn": N_("A customer wants no more messages"),
    "survey.answered": N_("A survey is answered"),
    "agent.note": N_("An agent writes a note"),
    "agent.wrap-up": N_("An agent wraps up"),
    "segment.entered": N_("A customer enters a segment"),
    "segment.left": N_("A customer leaves a segment"),
}
SEVERAL: Final = {
    "email.received": N_("mails received"),
    "email.opened": N_("mails opened"),
    "email.clicked": N_("links followed in mails"),
    "sms.received": N_("text messages received"),
    "social.message": N_("chat messages received"),
    "social.comment": N_("comments"),
    "phone.ringing": N_("calls"),
    "phone.answered": N_("calls answered"),
    "phone.missed": N_("calls missed"),
    "phone.ended": N_("calls ended"),
    "web.track": N_("actions on the site"),
    "web.page": N_("pages looked at"),
    "survey.answered": N_("surveys answered"),
}
"""Events that are counted."""
NAMED_EVENTS: Final = {
    "web.track": N_("“%(name)s” on the site"),
    "web.page": N_("The page “%(name)s” is looked at"),
}
"""Events that are told apart by their names."""
FIELDS: Final = {
    "event.type": N_("Kind of event"),
    "event.name": N_("Name of the event"),
    "event.text": N_("Text of the message"),
    "event.subject": N_("Customer of the event"),
    "event.time": N_("Time of the event"),
    "event.channel": N_("Channel of the event"),
    "event.language": N_("Language of the message"),
    "profile.stage": N_("Stage"),
    "profile.language": N_("Language of the customer"),
    "profile.events": N_("Number of events"),
    "profile.first": N_("First seen"),
    "profile.last": N_("Last seen"),
    "item": N_("the entry"),
}
PLACES: Final = {
    "event.properties": N_("%(name)s of the event"),
    "event": N_("%(name)s of the event"),
    "profile.traits": N_("%(name)s of the customer"),
    "profile.facts": N_("%(name)s, as told"),
    "profile.counts": N_("Number of %(name)s"),
    "profile.latest.time": N_("The last of the %(name)s"),
    "profile.latest.text": N_("Text of the last of the %(name)s"),
    "profile.consent": N_("Consent: %(name)s"),
    "profile.identities": N_("Known: %(name)s"),
    "profile.computed": N_("Computed: %(name)s"),
    "profile.segments": N_("In the segment %(name)s"),
    "item": N_("%(name)s of the entry"),
}
TRAFFIC: Final = {
    "received": N_("Messages received by %(channel)s"),
    "sent": N_("Messages sent by %(channel)s"),
    "failed": N_("Messages failed by %(channel)s"),
    "last_received": N_("Last message received by %(channel)s"),
    "last_sent": N_("Last message sent by %(channel)s"),
}
OPERATORS: Final = {
    "eq": N_("is"),
    "ne": N_("is not"),
    "gt": N_("is more than"),
    "ge": N_("is at least"),
    "lt": N_("is less than"),
    "le": N_("is at most"),
    "in": N_("is one of"),
    "between": N_("lies between"),
    "known": N_("is known"),
    "unknown": N_("is not known"),
    "contains": N_("contains"),
    "prefix": N_("begins with"),
    "suffix": N_("ends with"),
    "within": N_("was within the last"),
}
"""What can be chosen in the form; `exists` is two of them."""
SENTENCES: Final = {
    "eq": N_("%(field)s is %(value)s"),
    "ne": N_("%(field)s is not %(value)s"),
    "gt": N_("%(field)s is more than %(value)s"),
    "ge": N_("%(field)s is at least %(value)s"),
    "lt": N_("%(field)s is less than %(value)s"),
    "le": N_("%(field)s is at most %(value)s"),
    "in": N_("%(field)s is one of %(value)s"),
    "between": N_("%(field)s lies between %(low)s and %(high)s"),
    "known": N_("%(field)s is known"),
    "unknown": N_("%(field)s is not known"),
    "contains": N_("%(field)s contains %(value)s"),
    "prefix": N_("%(field)s begins with %(value)s"),
    "suffix": N_("%(field)s ends with %(value)s"),
    "within": N_("%(field)s was within the last %(value)s"),
    "before": N_("%(field)s was before %(value)s"),
    "after": N_("%(field)s was after %(value)s"),
    "member": N_("Is in the segment %(name)s"),
    "stranger": N_("Is not in the segment %(name)s"),
    "yes": N_("%(field)s: yes"),
    "no": N_("%(field)s: no"),
}
GROUPS: Final = {
    "all": N_("All of these hold"),
    "any": N_("At least one of these holds"),
    "none": N_("None of these holds"),
    "not-all": N_("Not all of these hold"),
}
NOT: Final = N_("This does not hold")
SEEN: Final = {True: N_("Within the last %(span)s: %(events)s"), False: N_("Since then: %(events)s")}
"""With a span, and without."""
LISTS: Final = {
    "has": N_("In the list “%(field)s” there is an entry for which"),
    "every": N_("For every entry of the list “%(field)s”"),
    "none": N_("For no entry of the list “%(field)s”"),
}
PARTS: Final = {
    "state": N_("State"),
    "name": N_("Name"),
    "note": N_("Note"),
    "priority": N_("Priority"),
    "on": N_("When"),
    "if": N_("If"),
    "after": N_("After"),
    "wait": N_("Wait"),
    "correlate": N_("One wait for each"),
    "unless": N_("Unless"),
    "max_age": N_("Not later than"),
    "channel": N_("Channels"),
    "purpose": N_("Purpose"),
    "subject": N_("Subject"),
    "text": N_("Text"),
    "short": N_("Short text"),
    "cap": N_("At most"),
    "once": N_("How often"),
}
"""Parts of a rule, as a difference names them."""
