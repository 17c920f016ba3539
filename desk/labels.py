"""What things are called on the page. `N_` marks a text for the catalogues; it is translated where it is shown."""

from __future__ import annotations

from typing import Final


def N_(text: str) -> str:  # noqa: N802  (gettext's own name)
    """Mark a text for translation."""
    return text


STAGES: Final = {"need": N_("Need"), "evaluation": N_("Evaluation"), "purchase": N_("Purchase"), "after": N_("After")}
STAGE_CHIPS: Final = {
    "need": N_("Has a need"),
    "evaluation": N_("Evaluating"),
    "purchase": N_("Buying"),
    "after": N_("After purchase"),
}
CHANNELS: Final = {
    "email": N_("E-mail"),
    "sms": N_("SMS"),
    "phone": N_("Phone"),
    "social": N_("Social"),
    "web": N_("Web"),
    "any": N_("All channels"),
    "whatsapp": "WhatsApp",
    "messenger": "Messenger",
    "instagram": "Instagram",
    "telegram": "Telegram",
    "agent": N_("Agent"),
}
PURPOSES: Final = {
    "marketing": N_("offers"),
    "service": N_("service"),
    "transactional": N_("orders and accounts"),
    "all": N_("everything"),
}
SOURCES: Final = {
    "phone.input": N_("phone menu"),
    "web.track": N_("on the site"),
    "web.page": N_("on the site"),
    "web.identify": N_("web sign-in"),
    "web.group": N_("on the site"),
    "email.received": N_("by e-mail"),
    "sms.received": N_("by SMS"),
    "social.message": N_("in a chat"),
    "social.comment": N_("in a comment"),
    "agent.note": N_("noted by an agent"),
    "agent.wrap-up": N_("noted by an agent"),
    "survey.answered": N_("in a survey"),
    "consent.given": N_("preference page"),
    "consent.withdrawn": N_("preference page"),
}
IDENTITIES: Final = {
    "user_id": N_("User"),
    "account": N_("Account"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "whatsapp": "WhatsApp",
    "telegram": "Telegram",
    "meta_psid": "Messenger",
    "instagram_id": "Instagram",
    "anonymous_id": N_("Browser"),
    "device": N_("Device"),
    "call": N_("Withheld number"),
}
IDENTITY_ICONS: Final = {
    "user_id": "user",
    "account": "id-card",
    "email": "mail",
    "phone": "phone",
    "anonymous_id": "globe",
    "device": "smartphone",
}
VERIFIED: Final = {
    "user_id": N_("Verified by sign-in"),
    "email": N_("Verified e-mail"),
    "phone": N_("Verified phone"),
    "account": N_("Verified account"),
}
FACTS: Final = {
    "name": N_("Name"),
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "language": N_("Language"),
    "timezone": N_("Time zone"),
    "account_number": N_("Account number"),
    "order_number": N_("Order number"),
    "shoe_size": N_("Shoe size"),
    "complaint": N_("Complaint"),
    "reason": N_("Reason"),
    "topic": N_("Topic"),
    "city": N_("City"),
    "address": N_("Address"),
    "tier": N_("Tier"),
    "company": N_("Company"),
    "plan": N_("Plan"),
    "birthday": N_("Birthday"),
    "preferred_channel": N_("Prefers"),
    "nps": "NPS",
    "phone": N_("Phone"),
    "email": N_("E-mail"),
    "country": N_("Country"),
    "order_id": N_("Order"),
    "total": N_("Total"),
    "value": N_("Value"),
    "price": N_("Price"),
    "currency": N_("Currency"),
    "quantity": N_("Quantity"),
    "product": N_("Product"),
    "category": N_("Category"),
    "query": N_("Searched for"),
}
FIGURES: Final = {
    "lifetime_value": N_("Value"),
    "ltv": N_("Value"),
    "value": N_("Value"),
    "churn_risk": N_("Churn risk"),
    "churn": N_("Churn risk"),
    "nps": N_("Last NPS"),
}
"""Traits that an agent weighs a decision by; at most three stand in the header."""
NO_ADDRESS: Final = {"sms": N_("no phone number known"), "email": N_("no address known")}
TIERS: Final = {"gold": N_("Gold"), "silver": N_("Silver"), "bronze": N_("Bronze"), "platinum": N_("Platinum")}
CALLS: Final = {
    "ringing": N_("Incoming call"),
    "input": N_("Incoming call"),
    "answered": N_("On the phone"),
    "ended": N_("Call ended"),
    "missed": N_("Missed call"),
    "outbound": N_("Outgoing call"),
}
ACTS: Final = {
    "phone.ringing": N_("Call came in"),
    "phone.input": N_("Typed in the phone menu"),
    "phone.answered": N_("Call answered"),
    "phone.ended": N_("Call ended"),
    "phone.missed": N_("Missed call"),
    "social.reaction": N_("Reacted"),
    "web.identify": N_("Signed in"),
    "web.group": N_("Joined a group"),
    "web.alias": N_("Recognised on the site"),
    "agent.wrap-up": N_("Wrapped up"),
    "survey.answered": N_("Answered a survey"),
    "consent.given": N_("Agreed to messages"),
    "consent.withdrawn": N_("Does not want messages any more"),
    "identity.merged": N_("Found to be the same person"),
    "identity.unmerged": N_("Separated from another person"),
    "sent": N_("Message sent"),
    "delivered": N_("Message delivered"),
    "read": N_("Message read"),
    "opened": N_("Message opened"),
    "clicked": N_("Link followed"),
    "failed": N_("Message failed"),
    "bounced": N_("Mail came back"),
    "complained": N_("Complained of unwanted mail"),
}
"""By type, or by what stands after its dot."""
EVENTS: Final = {
    **ACTS,
    "web.track": N_("on the site"),
    "web.page": N_("on the site"),
    "web.screen": N_("in the app"),
    "email.received": N_("in a mail"),
    "sms.received": N_("in a text message"),
    "social.message": N_("in a chat"),
    "social.comment": N_("in a comment"),
    "social.mention": N_("in a comment"),
    "agent.merge": N_("An agent joined them"),
    "agent.unmerge": N_("An agent took them apart"),
    "agent.note": N_("noted by an agent"),
    "agent.reply": N_("in an answer of ours"),
}
"""The event behind a decision about identities."""
KINDS: Final = {
    "customer": (
        N_("The customer spoke"),
        ("email.received", "sms.received", "social.message", "social.comment", "social.mention", "social.reaction"),
    ),
    "us": (N_("We wrote"), ("rule.fired", "agent.reply")),
    "calls": (N_("Calls"), ("phone",)),
    "notes": (N_("Notes"), ("agent.note", "agent.wrap-up")),
    "pages": (N_("Pages looked at"), ("web.page", "web.screen")),
    "actions": (N_("Actions on the site and in the app"), ("web.track", "web.identify", "web.group", "web.alias")),
    "surveys": (N_("Surveys"), ("survey",)),
    "consent": (N_("Consent"), ("consent",)),
    "held": (N_("Not sent"), ("rule.held",)),
    "problems": (
        N_("Delivery problems"),
        ("email.bounced", "email.failed", "email.complained", "sms.failed", "social.failed"),
    ),
    "identifiers": (N_("Identifiers"), ("identity",)),
}
"""What a timeline can be narrowed to: types of events, or all of what stands before their dot."""
SPANS: Final = {
    1: N_("Last 24 hours"),
    7: N_("Last 7 days"),
    30: N_("Last 30 days"),
    90: N_("Last 3 months"),
    365: N_("Last 12 months"),
}
"""Days back from now."""
FILTERED: Final = ("email", "sms", "phone", "social", "web")
"""Channels that a timeline can be narrowed to whether or not the customer used them."""
TIES: Final = {
    "together": N_("Named together with"),
    "by hand": N_("Joined by hand with"),
    "taken apart": N_("Stayed together with"),
}
"""What made a link, by its rule."""
REFUSALS: Final = {
    "claimed": N_("only claimed, not proven"),
    "divided": N_("somebody took them apart"),
    "shared": N_("several people use it"),
    "blocked": N_("it is on the list of values that mean nothing"),
    "type": N_("this kind of identifier connects nobody"),
    "size": N_("a customer has at most %(n)s identifiers"),
    "limit": N_("a customer has at most %(n)s of this kind"),
}
"""What stood against an identity."""
UNFIT: Final = {
    "least": N_("must be at least %(limit)s"),
    "most": N_("must be at most %(limit)s"),
    "short": N_("must have at least %(limit)s characters"),
    "long": N_("must have at most %(limit)s characters"),
    "few": N_("must have at least %(limit)s entries"),
    "more": N_("must have at most %(limit)s entries"),
    "words": N_("must be one of: %(limit)s"),
    "size": N_("is larger than %(limit)s bytes"),
    "cut": N_("is longer: only the first %(limit)s characters are kept"),
    "many": N_("is one too many: %(limit)s are kept of a customer, the first by name"),
}
"""Why a statement about a trait was not kept, or not whole; hub/traits.py has the reasons."""
UNFIT_TYPES: Final = {
    "text": N_("is no text"),
    "number": N_("is no number"),
    "integer": N_("is no whole number"),
    "boolean": N_("is neither yes nor no"),
    "date": N_("is no date"),
    "moment": N_("is no date with a time"),
    "choice": N_("is no text"),
    "list": N_("is no list of short texts"),
}


def unfit(reason: str, limit: object) -> str:
    """Why a statement about a trait was not kept, to be translated; `%(limit)s` is the limit."""
    return UNFIT_TYPES[str(limit)] if reason == "type" else UNFIT[reason]


MATTERS: Final = {
    "open": N_("open"),
    "waiting": N_("waiting"),
    "reopened": N_("opened again"),
    "solved": N_("solved"),
    "closed": N_("closed"),
}
MOODS: Final = {"good": N_("good"), "even": N_("even"), "bad": N_("bad")}
LIKELY: Final = {"churn": N_("Churn risk"), "buy": N_("Likely to buy")}
"""Scores of models, by their names."""
SIGNS: Final = {
    "silent-longer-than-usual": N_("silent for longer than usual"),
    "within-usual-gap": N_("here as often as usual"),
    "by-orders": N_("by their orders"),
    "by-visits": N_("by their visits and messages"),
    "by-default": N_("by a common measure"),
    "refused-all-messages": N_("refused all messages"),
    "complained-of-messages": N_("complained of messages"),
    "chose-products": N_("has chosen products"),
    "looked-at-products": N_("has looked at products"),
    "time-to-buy-again": N_("it is time to buy again"),
    "bought-before": N_("has bought before"),
    "told-by-event": N_("told by another system"),
}
"""Why a model says so."""
SCORES: Final = {"csat": "CSAT", "nps": "NPS", "ces": "CES"}
SCALES: Final = {"csat": 5, "nps": 10, "ces": 7}
PLACES: Final = {"gps": N_("by their device"), "ip": N_("by their network"), "declared": N_("as they gave it")}
DEVICES: Final = {
    "phone": N_("Telephone"),
    "tablet": N_("Tablet"),
    "desktop": N_("Computer"),
    "tv": N_("Television"),
    "device": N_("Device"),
}
STATES: Final = {
    "": N_("on its way"),
    "sent": N_("sent"),
    "delivered": N_("delivered"),
    "read": N_("read"),
    "failed": N_("failed"),
}
REASONS: Final = {
    "consent": N_("the customer did not agree to this"),
    "unreachable": N_("no address to send it to"),
    "address": N_("nothing arrives at this address"),
    "cap": N_("enough messages for now"),
    "hold": N_("promotions are on hold for this customer"),
    "rule": N_("the rule is no longer in force"),
    "shadow": N_("the rule runs in the shadow"),
    "template": N_("the message could not be filled in"),
    "fault": N_("the rule failed or took too long"),
    "unless": N_("it was no longer needed"),
    "late": N_("the moment was past"),
    "once": N_("it was said already"),
    "until": N_("the moment to wait for was taken back"),
    "quarantine": N_("the rule is set aside because of faults"),
}
"""What the rules' gates say in one word; in their own language they say it more exactly after a colon."""
FAULTS: Final = {
    "hard-bounce": N_("there is no such address any more"),
    "blocked": N_("messages are blocked there"),
    "stopped": N_("closed by STOP until they write START"),
}
"""Why nothing is sent to an address that we know."""
AGENT_STATES: Final = {"available": N_("Available"), "busy": N_("Busy"), "away": N_("Away")}
ROLES: Final = {
    "agent": N_("Agent"),
    "supervisor": N_("Supervisor"),
    "marketer": N_("Marketer"),
    "ops": N_("Operations"),
    "admin": N_("Administrator"),
}
