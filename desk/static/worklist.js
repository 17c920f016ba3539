/** Who needs somebody now: the work list, and the card that comes up when a customer calls. */

import { all, announce, find, icon, isolated, make } from "./dom.js";
import { shared } from "./live.js";
import { digits, refresh, say, tick } from "./words.js";

const RINGING = new Set(["ringing", "input"]);
const TALKING = new Set(["ringing", "input", "answered"]);
const KEPT = 30;
const ICONS = { ringing: "phone-incoming", input: "phone-incoming", answered: "phone", ended: "phone-off", missed: "phone-missed" };
const CHANNEL_ICONS = { sms: "message-square", email: "mail", social: "message-circle", web: "globe", phone: "phone" };

const list = find("#work");
const pops = find("#pops");
const open = find("#main")?.dataset.customer;
const began = new Map();

export const agentState = () => localStorage.getItem("agent-state") ?? "available";

const label = (notice) => notice.name || notice.display || say(notice.call ? "unknown" : "visitor");
const named = (notice) => isolated(label(notice), notice.name || !notice.display ? "auto" : "ltr");

function line(notice, state) {
  if (RINGING.has(state)) return say("call");
  if (state) return `${say("call")} · ${say(state)}`;
  return notice.text ? say("quote", { text: notice.text }) : "";
}

function row(notice) {
  const state = notice.call?.state ?? "";
  const time = RINGING.has(state)
    ? make("time", { "data-since": began.get(notice.call.id) })
    : make("time", { datetime: new Date(notice.time).toISOString() });
  const name = notice.call ? ICONS[state] : CHANNEL_ICONS[notice.type.split(".")[0]];
  const link = make(
    "a",
    { href: `/customers/${encodeURIComponent(notice.customer)}`, "aria-current": notice.customer === open ? "page" : null },
    make("span", { class: "badge", "data-kind": TALKING.has(state) ? "call" : "" }, icon(name ?? "circle-dot")),
    make("span", { class: "work-text" }, make("strong", {}, named(notice)), make("span", { dir: "auto" }, line(notice, state))),
    make("span", { class: "work-time" }, time),
  );
  return make("li", { "data-customer": notice.customer, "data-time": notice.time, "data-state": state }, link);
}

/** Calls that ring first, then by time. */
function sort() {
  const rank = (item) => (RINGING.has(item.dataset.state) ? 1 : 0);
  const rows = all(":scope > li", list);
  rows.sort((one, other) => rank(other) - rank(one) || other.dataset.time - one.dataset.time);
  rows.slice(KEPT).forEach((item) => item.remove());
  list.append(...rows.slice(0, KEPT));
  find('[data-count="now"]').textContent = digits(Math.min(rows.length, KEPT));
  find("#work-empty").hidden = rows.length > 0;
}

function put(notice) {
  const call = notice.call;
  if (call && !began.has(call.id)) began.set(call.id, notice.since ?? notice.time);
  const old = find(`[data-customer="${CSS.escape(notice.customer)}"]`, list);
  const fresh = row(notice);
  if (old) {
    const focused = old.contains(document.activeElement);
    old.replaceWith(fresh);
    if (focused) find("a", fresh).focus({ preventScroll: true });
  } else list.prepend(fresh);
}

function close(id) {
  find(`[data-call="${CSS.escape(id)}"]`, pops)?.remove();
}

/** Bring a caller up: their page when nothing is open, else a card that takes no focus. */
function pop(notice) {
  const { call, customer } = notice;
  if (call.direction === "outbound" || agentState() === "away") return;
  if (!RINGING.has(call.state)) return close(call.id);
  if (customer === open || find(`[data-call="${CSS.escape(call.id)}"]`, pops)) return;
  announce(`${label(notice)} ${say("calls")}`, true);
  if (!open && agentState() === "available" && !find("#search").value && document.visibilityState === "visible") {
    location.assign(`/customers/${encodeURIComponent(customer)}`);
    return;
  }
  const dismiss = make("button", { class: "close", type: "button", "aria-label": pops.dataset.close }, icon("x"));
  dismiss.addEventListener("click", () => close(call.id));
  const waiting = make("span", {}, `${say("waiting")} `, make("time", { "data-since": began.get(call.id) }));
  pops.append(
    make(
      "div",
      { class: "pop", "data-call": call.id },
      make("span", { class: "badge", "data-kind": "call" }, icon("phone-incoming")),
      make("span", { class: "work-text" }, make("strong", {}, named(notice)), waiting),
      dismiss,
      make("a", { class: "button info", href: `/customers/${encodeURIComponent(customer)}` }, pops.dataset.open),
    ),
  );
}

function onNotice(notice) {
  put(notice);
  sort();
  refresh(list);
  if (notice.call) pop(notice);
  tick();
}

export function start() {
  shared("hub-desk", "/api/v1/live", {
    snapshot: ({ items }) => {
      for (const notice of items.slice().reverse()) put(notice);
      sort();
      refresh(list);
      for (const notice of items) if (notice.call && RINGING.has(notice.call.state)) pop(notice);
      tick();
    },
    notice: onNotice,
    reset: ({ reason }) => { if (reason === "signed-out") location.assign("/sign-in"); },
  });
}
