"""Customers whose identities are no longer connected become several, each with its own events again."""

from __future__ import annotations

from collections.abc import Sequence

from hub.profile import Document, blank
from profile_store import keys
from profile_store.document import version
from profile_store.draft import Draft, History, place
from profile_store.structure import candidates, components
from profile_store.timeline import owned
from streams.identify import Customers


def divide(customers: Customers, draft: Draft, *, by_hand: bool = False) -> Draft:
    """Make a customer what its links say it is: several, or one at the place of the right identity.

    Answers the customer that has its former root; those beside it are `parted`. `by_hand`: of several identities
    that may give the id, the former root stays, and whoever asks says so in the log. What is read from the log
    must not depend on what was before: there the first one is it.
    """
    groups = components(draft.document["nodes"], draft.document["links"])
    root = draft.root
    if len(groups) == 1:
        found = _root(draft.document, groups[0], root if by_hand else "")
        return draft if found == root else customers.move(draft, found)
    draft.know_terms()
    whole, history = draft.document, _history(customers, draft)
    made = [_made(customers, draft, whole, group, root if by_hand else "") for group in groups]
    first = next(one for one in made if root in one.document["nodes"])
    first.document["timers"] = whole["timers"]
    if first is not draft:
        first.timers = {keys.timer(first.id, slot, one[0]): one[1] for slot, one in whole["timers"].items()}
        first.left.append(draft)
        first.outbox |= draft.outbox
        first.effects += draft.effects
        customers.hand_on(draft, first)
    # What was joined in this very step leaves its place empty: its history is handed out here.
    first.left += draft.absorbed
    draft.absorbed = []
    for one in made:
        one.history = History(owned(history.rows, one.document["nodes"]), history.seen)
        one.regroup()
        customers.add(one)
        customers.bond(first, one)
    for one in made:
        _lead(customers, one)
    first.parted = [one for one in made if one is not first]
    return first


def _history(customers: Customers, draft: Draft) -> History:
    """What lies beside a customer in the store, and beside those it absorbed since."""
    found = History()
    for one in (draft, *draft.absorbed):
        beside = customers.loaded.histories.get(one.id)
        if beside is not None:
            found.rows += beside.rows
            found.seen += beside.seen
    return found


def _root(document: Document, group: Sequence[str], root: str) -> str:
    """The identity whose place is a group's: the former root, if it counts, unless it gave its place up."""
    found = candidates(group, document["links"])
    return root if root in found else found[0]


def _made(customers: Customers, draft: Draft, whole: Document, group: list[str], root: str) -> Draft:
    """A customer of some identities; the one whose place it is goes on as the same draft."""
    inside = set(group)
    document = blank(place(_root(whole, group, root)), *group)
    document["parts"] = {name: one for name, one in whole["parts"].items() if name in inside}
    document["links"] = {name: link for name, link in whole["links"].items() if inside & set(name.split("\n", 1))}
    document["segments"] = dict(whole["segments"])
    if document["id"] == draft.id:
        draft.document = document
        return draft
    return Draft(document, version(customers.loaded.values.get(document["id"])), changed=True)


def _lead(customers: Customers, draft: Draft) -> None:
    """Let the places of all its identities lead to a customer, straight."""
    left = {one.id for one in draft.left}
    for node in draft.document["nodes"]:
        where = place(node)
        if where == draft.id:
            continue
        customers.point(where, draft.id)
        if where not in left:
            # Also one that led here when it was read: that may have been before the customer was, and be over.
            draft.places[where] = version(customers.loaded.values.get(where))
