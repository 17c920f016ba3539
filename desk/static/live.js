/** The link to the hub: streams that come back by themselves, and how well it is. */

import { find } from "./dom.js";
import { digits, say } from "./words.js";

const CHECK = 15000;
const health = find("#health");
const broken = new Set();

/** Show whether the link stands, and the measured way there and back. */
function show(state, text, more = "") {
  health.dataset.state = state;
  find("[data-text]", health).textContent = text;
  const banner = find("#link-lost");
  banner.hidden = state !== "lost";
  find("[data-text]", banner).textContent = `${text}. ${more}`;
}

function lost() {
  show("lost", say(navigator.onLine ? "reconnecting" : "offline"), say("stale"));
}

async function measure() {
  if (document.hidden) return;
  const start = performance.now();
  try {
    const answer = await fetch("/ping", { cache: "no-store", credentials: "same-origin" });
    if (answer.status === 401) return location.assign("/sign-in");
    const way = Math.max(1, Math.round(performance.now() - start));
    if (!broken.size) show("live", `${say("live")} · ${say("ms", { n: digits(way) })}`);
  } catch {
    lost();
  }
}

/** A stream of server-sent events. `handlers` are by the event's name; `from()` tells where to go on. */
export class Stream {
  constructor(path, handlers, from = () => null) {
    this.path = path;
    this.handlers = handlers;
    this.from = from;
    this.wait = 500;
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    const last = this.from();
    this.source = new EventSource(this.path + (last === null ? "" : `?last=${last}`));
    this.source.onopen = () => {
      this.wait = 500;
      const back = broken.delete(this);
      if (back && !broken.size) measure();
    };
    this.source.onerror = () => this.again();
    for (const [name, handle] of Object.entries(this.handlers)) {
      this.source.addEventListener(name, (event) => handle(JSON.parse(event.data), event.lastEventId));
    }
  }

  /** Come back ourselves, with growing pauses: a refused stream would never try again. */
  again() {
    this.source.close();
    if (this.closed) return;
    broken.add(this);
    lost();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, 8000);
    measure();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.source.close();
    broken.delete(this);
  }

  resume() {
    if (!this.closed) return;
    this.closed = false;
    this.open();
  }
}

/**
 * One stream for all tabs of this browser: the tab that holds the lock listens and tells the others.
 * Browsers allow few connections to one host; a stream for each tab would use them up.
 */
export function shared(name, path, handlers) {
  const channel = new BroadcastChannel(name);
  channel.onmessage = (message) => handlers[message.data.event]?.(message.data.data);
  const telling = Object.fromEntries(
    Object.entries(handlers).map(([event, handle]) => [
      event,
      (data) => {
        channel.postMessage({ event, data });
        handle(data);
      },
    ]),
  );
  navigator.locks.request(name, () => new Promise(() => { new Stream(path, telling); }));
}

export function start() {
  measure();
  setInterval(measure, CHECK);
  addEventListener("online", measure);
  addEventListener("offline", lost);
  document.addEventListener("visibilitychange", measure);
}

