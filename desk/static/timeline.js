/** The open customer: panels and timeline as they change, and walking through the timeline. */

import { all, announce, ask, fill, find, fragment } from "./dom.js";
import { Stream } from "./live.js";
import { date, digits, refresh, say, tick } from "./words.js";

const HIDDEN_FOR = 30000; // a tab nobody looks at gives its connection back

let version = 0;
let stream = null;
const main = find("#main");
const list = find("#timeline");
const watchers = [];

/** Be told of entries that arrive: `(entries) => …`. */
export const onEntries = (watcher) => watchers.push(watcher);

/** The id of the newest row on the page: what the agent has seen. */
export const newest = () => main.dataset.newest;

/** Put an entry where its time belongs; one with the same id is replaced. */
export function place(element) {
  const old = document.getElementById(element.id);
  if (old) {
    const open = find("details", old)?.open;
    const focused = document.activeElement === old;
    old.replaceWith(element);
    if (open) find("details", element)?.setAttribute("open", "");
    if (focused) element.focus({ preventScroll: true });
    return false;
  }
  const time = Number(element.dataset.time);
  const next = all(":scope > .entry", list).find((entry) => Number(entry.dataset.time) <= time);
  list.insertBefore(element, next ?? null);
  find("#no-entries").hidden = true;
  return true;
}

function onPanels(panels) {
  for (const [name, html] of Object.entries(panels)) {
    if (name === "ways") document.dispatchEvent(new CustomEvent("hub:ways", { detail: html }));
    else for (const panel of all(`[data-panel="${name}"]`)) fill(panel, html);
  }
  refresh(main.parentElement);
  tick();
}

function onTimeline(news) {
  const known = all(":scope > .entry", list);
  const page = news.items.length >= 40 && known.length >= 40;
  if (page && !news.entries.some((entry) => document.getElementById(`e-${entry.id}`))) return location.reload();
  for (const id of news.gone) document.getElementById(`e-${id}`)?.remove();
  for (const { html } of [...news.entries].reverse()) {
    const element = fragment(html).firstElementChild;
    if (place(element) && !document.hidden) element.classList.add("fresh");
  }
  if (news.items.length) main.dataset.newest = news.items[0].id;
  refresh(list);
  for (const watcher of watchers) watcher(news.items);
}

function onReaders({ agents }) {
  const badge = find("#reading");
  badge.hidden = !agents.length;
  const many = agents.length > 1;
  find("[data-text]", badge).textContent = many
    ? say("reading_many", { n: digits(agents.length) })
    : say("reading", { name: `\u2068${agents[0] ?? ""}\u2069` });
}

function onReset({ reason, customer }) {
  stream.close();
  if (reason === "signed-out") location.assign("/sign-in");
  else if (reason === "merged") location.replace(`/customers/${customer}`);
  else location.reload();
}

/** Follow the customer of this page. */
export function follow() {
  version = Number(main.dataset.version);
  const handlers = {
    profile: (_, id) => { version = Number(id); },
    panels: onPanels,
    timeline: onTimeline,
    readers: onReaders,
    reset: onReset,
  };
  stream = new Stream(`/api/v1/customers/${main.dataset.customer}/live`, handlers, () => version);
  let timer = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => stream.close(), HIDDEN_FOR);
    else stream.resume();
  });
  find("#earlier")?.addEventListener("click", (event) => earlier(event.currentTarget));
  for (const button of all("[data-show]:not(ol)")) button.addEventListener("click", () => filter(button));
}

async function earlier(button) {
  button.disabled = true;
  const before = encodeURIComponent(button.dataset.before);
  const answer = await ask(`/customers/${main.dataset.customer}/rows?before=${before}`).catch(() => null);
  button.disabled = false;
  if (!answer?.ok) return announce(say("reconnecting"));
  const added = fragment(await answer.text());
  const known = new Set(all(":scope > .entry", list).flatMap((entry) => entry.dataset.rows.split(" ")));
  for (const entry of all(".entry", added)) if (known.has(entry.dataset.id)) entry.remove(); // it came in twice
  const first = added.firstElementChild;
  list.append(added);
  refresh(list);
  button.dataset.before = answer.headers.get("X-Next") ?? "";
  button.hidden = !button.dataset.before;
  const reached = answer.headers.get("X-Reached");
  const looked = find("#reached");
  looked.hidden = Boolean(first) || !reached || button.hidden;
  if (!looked.hidden) looked.textContent = say("reached", { date: date(Date.parse(reached)) });
  if (first) first.focus();
  else if (!looked.hidden) announce(looked.textContent);
}

function filter(button) {
  list.dataset.show = button.dataset.show;
  for (const other of all("[data-show]:not(ol)")) other.setAttribute("aria-pressed", String(other === button));
}

/** Move the focus to the next or previous entry that is shown. */
export function step(by) {
  const shown = all(":scope > .entry", list).filter((entry) => entry.offsetParent !== null);
  const at = shown.indexOf(document.activeElement?.closest?.(".entry"));
  const next = shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
