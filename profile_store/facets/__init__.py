"""The facets of a profile: each looks at events from one side and keeps what matters of them.

A facet is a module with a `NAME`, under which it keeps plain JSON data in the profile, and two functions:

| function | what it does |
|---|---|
| `fold(profile, event, ms, ref)` | change the profile by one event that happened at `ms` and has the short name `ref` |
| `merge(into, other)` | put what another profile keeps under `NAME` into this one, sharing nothing that can change |

What a facet keeps is a function of the *set* of events: no order of folding and no grouping into profiles that
are merged later makes a difference. So there are sums, earliest and newest, and registers ordered by
(time, ref); what must be bounded keeps its lexically smallest names or its newest entries. No clock, no chance,
no look-up. A profile of which a facet has nothing to say does not have its key.
"""
