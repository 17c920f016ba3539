"""Every metric of the hub, and the small server operators scrape. No personal data in labels, ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

_STAGES: Final = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.04, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

ACCEPTED = Counter("hub_accepted_events", "Events acknowledged by Kafka or the spool", ["channel", "provider"])
REJECTED = Counter("hub_rejected_requests", "Inbound requests refused", ["channel", "provider", "reason"])
SPOOLED = Counter("hub_spooled_events", "Events kept in the spool because Kafka was away", ["channel"])
SPOOL_DEPTH = Gauge("hub_spool_events", "Events now waiting in the spool")
SPOOL_AGE = Gauge("hub_spool_age_seconds", "Age of the oldest event in the spool")
APPLIED = Counter("hub_applied_events", "Events folded into a profile")
REPEATED = Counter("hub_repeated_events", "Events seen before, without a second effect", ["why"])
DEAD = Counter("hub_dead_letters", "Events put among the dead letters", ["reason"])
REFUSED = Counter("hub_refused_commits", "Commits the store refused", ["why"])
MERGED = Counter("hub_merged_customers", "Customers found to be one")
SHED = Counter(
    "hub_shed_identities", "Identities that an event named and that were not taken as the customer's", ["why"]
)
FIRED = Counter("hub_fired_triggers", "Triggers decided by rules", ["rule"])
HELD = Counter("hub_held_triggers", "Messages a rule wanted and a gate held back", ["reason"])
QUARANTINED = Counter("hub_quarantined_rules", "Rules that failed or took too long, and were set aside", ["rule"])
FIELDS_STOPPED = Gauge(
    "hub_rule_fields_stopped", "Fields of events that a rule asks about and that stopped coming", ["rule"]
)
SENT = Counter("hub_sent_messages", "Messages taken by a provider", ["channel", "provider"])
FAILED = Counter("hub_failed_messages", "Messages a provider refused", ["channel", "provider"])
IN_DOUBT = Counter("hub_in_doubt_messages", "Messages claimed without a known outcome", ["channel"])
LAG = Gauge("hub_lag_events", "Events accepted and not yet applied", ["partition"])
WATERMARK_AGE = Gauge("hub_watermark_age_seconds", "Seconds since the partition was last caught up", ["partition"])
GAPS = Counter("hub_gap_rewinds", "Times the store had lost its tail and events were read again")
REBUILT = Counter("hub_rebuilt_stores", "Times all that the store had lost was built again from the log")
DECLARATIONS_PENDING = Gauge(
    "hub_declarations_pending", "1 while other traits or segments are declared than are in force"
)
FED = Counter("hub_fed_profiles", "Customers told on the topic of profiles")
TIMERS_HELD = Counter("hub_timers_held_by_lag", "Due timers that waited for a backlog to be read")
STAGE = Histogram("hub_stage_seconds", "Time spent in one stage", ["stage"], buckets=_STAGES)
LATENCY = Histogram("hub_accept_to_applied_seconds", "From accepted to in the profile", buckets=_STAGES)
BATCH = Histogram("hub_batch_events", "Events in one batch", buckets=(1, 10, 50, 100, 250, 500, 1000, 2000, 5000))
REQUESTS = Histogram("hub_request_seconds", "Time to answer a request", ["route"], buckets=_STAGES)
STREAMS = Gauge("hub_open_streams", "Live streams now open", ["kind"])


def serve(host: str, port: int, ready: Callable[[], str]) -> ThreadingHTTPServer:
    """Serve /metrics, /healthz and /readyz in a thread of its own.

    `ready` answers an empty string when the process can do its work, or what it is waiting for.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._say(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif path == "/healthz":
                self._say(200, b"ok\n", "text/plain")
            elif path == "/readyz":
                waiting = ready()
                self._say(503 if waiting else 200, (waiting or "ready").encode() + b"\n", "text/plain")
            else:
                self._say(404, b"/metrics, /healthz or /readyz\n", "text/plain")

        def _say(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not news."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
