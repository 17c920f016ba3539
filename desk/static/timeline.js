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
let wanted = new URLSearchParams();
let later = 0;
const narrowed = () => wanted.size > 0;

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
  find("#no-fit").hidden = true;
  return true;
}

function onPanels(panels) {
  for (const [name, html] of Object.entries(panels)) {
    if (name === "ways" || name === "about") document.dispatchEvent(new CustomEvent(`hub:${name}`, { detail: html }));
    else for (const panel of all(`[data-panel="${name}"]`)) fill(panel, html);
  }
  refresh(main.parentElement);
  tick();
}

function onTimeline(news) {
  const known = all(":scope > .entry", list);
  const many = news.items.length >= 40 && known.length >= 40;
  if (many && !news.entries.some((entry) => document.getElementById(`e-${entry.id}`)) && !narrowed()) return location.reload();
  for (const id of news.gone) document.getElementById(`e-${id}`)?.remove();
  if (narrowed()) {
    clearTimeout(later);
    later = setTimeout(again, 300);
  } else {
    for (const { html } of [...news.entries].reverse()) {
      const element = fragment(html).firstElementChild;
      if (place(element) && !document.hidden) element.classList.add("fresh");
    }
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
  find("#earlier").addEventListener("click", (event) => earlier(event.currentTarget));
  for (const button of all("[data-show]:not(ol)")) button.addEventListener("click", () => filter(button));
}

/** A page of entries: of what is wanted, after a cursor. Null when it did not come, or something else is wanted by now. */
async function page(before) {
  const asked = wanted;
  const query = new URLSearchParams(asked);
  if (before) query.set("before", before);
  const answer = await ask(`/customers/${main.dataset.customer}/rows?${query}`).catch(() => null);
  if (answer?.ok) {
    const entries = fragment(await answer.text());
    if (asked !== wanted) return null;
    return { entries, next: answer.headers.get("X-Next") ?? "", reached: answer.headers.get("X-Reached") };
  }
  if (asked === wanted) announce(say("reconnecting"));
  return null;
}

/** Change the list without its being read out, as what happens is. */
function quietly(change) {
  const log = list.parentElement;
  log.setAttribute("aria-live", "off");
  change();
  setTimeout(() => log.setAttribute("aria-live", "polite"), 500);
}

/** Where the timeline goes on, and how far back was looked when nothing was found there. */
function end({ next, reached }, found) {
  const button = find("#earlier");
  button.dataset.before = next;
  button.hidden = !next;
  const looked = find("#reached");
  looked.hidden = found || !reached || !next;
  const text = narrowed() ? "reached_fit" : "reached";
  if (!looked.hidden) looked.textContent = say(text, { date: date(Date.parse(reached)) });
  const none = !list.childElementCount;
  find("#no-entries").hidden = narrowed() || !none;
  find("#no-fit").hidden = !narrowed() || !none || !looked.hidden;
}

async function earlier(button) {
  button.disabled = true;
  const found = await page(button.dataset.before);
  button.disabled = false;
  if (!found) return;
  const known = new Set(all(":scope > .entry", list).flatMap((entry) => entry.dataset.rows.split(" ")));
  for (const entry of all(".entry", found.entries)) if (known.has(entry.dataset.id)) entry.remove(); // it came in twice
  const first = found.entries.firstElementChild;
  quietly(() => list.append(found.entries));
  refresh(list);
  end(found, Boolean(first));
  if (first) first.focus();
  else if (!find("#reached").hidden) announce(find("#reached").textContent);
}

/** Show only what a query wants; how many entries there are so far, and whether there may be more. */
export async function narrow(query) {
  wanted = query;
  list.setAttribute("aria-busy", "true");
  let found = await page("");
  if (found && !found.entries.firstElementChild && found.next) found = await page(found.next); // it may be in the log
  if (wanted !== query) return null;
  list.removeAttribute("aria-busy");
  if (!found) return null;
  quietly(() => list.replaceChildren(found.entries));
  refresh(list);
  end(found, list.childElementCount > 0);
  find(".timeline .scroll").scrollTop = 0;
  return { count: list.childElementCount, more: Boolean(found.next) };
}

/** Something new came: does it fit? */
async function again() {
  const found = await page("");
  for (const element of all(".entry", found?.entries ?? document.createDocumentFragment()).reverse()) {
    if (place(element)) element.classList.add("fresh");
  }
  refresh(list);
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
