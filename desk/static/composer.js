/** Writing: the channel, the draft, the sending, and what became of it. */

import { all, announce, ask, fill, find, icon, make } from "./dom.js";
import { newest, onEntries, place } from "./timeline.js";
import { refresh, say } from "./words.js";

const form = find("#composer");
const card = find(".composer");
const text = find("#text");
const subject = find("#subject");
const said = find("#composer-said");
const customer = find("#main")?.dataset.customer;
const draft = `draft:${customer}`;
let once = crypto.randomUUID(); // stays until the server took it: sending again sends once

const way = () => find('input[name="way"]:checked', form);
const INSIDE = new Set(["note", "wrap-up"]); // what the customer never sees
const isNote = () => INSIDE.has(way()?.value);
const about = find("#about");
const becomes = find("#becomes");
const matter = find("#matter-subject");

/** Show what the chosen way needs. */
function mode() {
  const note = isNote();
  card.dataset.mode = note ? "note" : "message";
  find(".subject").hidden = way()?.value !== "email";
  find(".about").hidden = !note;
  matter.hidden = about.value !== "new";
  becomes.hidden = way()?.value !== "wrap-up" || !about.value.startsWith("id:");
  text.placeholder = note ? say(way().value === "note" ? "note_placeholder" : "wrap_up_placeholder") : text.dataset.placeholder;
  find("button[type=submit] [data-text]", form).textContent = say(!note ? "send" : way().value === "note" ? "save" : "save_wrap_up");
}

function tell(message, ...buttons) {
  said.replaceChildren(...(message ? [make("span", {}, message)] : []), ...buttons);
}

/** The matter that a note is about, as the server takes it. */
function chosenCase() {
  if (!about.value) return undefined;
  if (about.value === "new") return { subject: matter.value.trim() };
  return { id: about.value.slice(3), state: (!becomes.hidden && becomes.value) || null };
}

/** The message on the page before the server has it. */
function pending(id, content, note) {
  const under = make("p", { class: "under" }, icon("clock"), ` ${say("sending")}`);
  const bubble = make("div", { class: note ? "bubble note" : "bubble ours", dir: "auto" }, make("span", { class: "words" }, content));
  const now = Date.now();
  const time = make("time", { datetime: new Date(now).toISOString() });
  return make(
    "li",
    { class: `entry ${note ? "k-note" : "k-sent"}`, id: `e-${id}`, "data-id": id, "data-time": now, tabindex: "-1" },
    make("span", { class: "badge" }, icon(note ? "sticky-note" : "send")),
    make("div", { class: "entry-body" }, bubble, under),
    make("span", { class: "entry-time" }, time),
  );
}

async function send(anyway = false) {
  const content = text.value.trim();
  if (!content) {
    tell(say("empty"));
    return text.focus();
  }
  const note = isNote();
  const chosen = way();
  if (!chosen) return undefined;
  if (note && about.value === "new" && !matter.value.trim()) {
    tell(say("needs_subject"));
    return matter.focus();
  }
  tell("");
  const key = once;
  const element = pending(key, content, note);
  place(element);
  refresh(element);
  const json = note
    ? { text: content, case: chosenCase() }
    : { text: content, channel: chosen.value, to: chosen.dataset.to, subject: chosen.value === "email" ? subject.value : "", seen: newest(), anyway };
  let answer = null;
  try {
    const path = `/api/v1/customers/${customer}/${!note ? "messages" : chosen.value === "note" ? "notes" : "wrap-up"}`;
    answer = await ask(path, { method: "POST", json, headers: { "Idempotency-Key": key } });
  } catch { /* no answer: shown below as not sent */ }
  if (answer?.ok) return accepted(await answer.json(), element, note);
  return refused(answer, element);
}

function accepted({ id }, element, note) {
  once = crypto.randomUUID();
  text.value = "";
  subject.value = "";
  matter.value = about.value = becomes.value = "";
  mode();
  sessionStorage.removeItem(draft);
  if (document.getElementById(`e-${id}`)) element.remove(); // the stream was quicker
  else {
    element.id = `e-${id}`;
    element.dataset.id = id;
    find(".under", element).replaceChildren(icon(note ? "check" : "clock"), ` ${say(note ? "saved" : "accepted")}`);
  }
  announce(say(note ? "saved" : "accepted"));
}

async function refused(answer, element) {
  element.remove();
  const problem = answer ? await answer.json().catch(() => ({})) : {};
  if (answer?.status === 401) return location.assign("/sign-in");
  if (problem.items) {
    const anyway = make("button", { type: "button" }, say("send_anyway"));
    anyway.addEventListener("click", () => send(true));
    return tell(say("new_messages"), anyway);
  }
  const retry = make("button", { type: "button" }, say("retry"));
  retry.addEventListener("click", () => send());
  return tell(`${say("failed")}${problem.detail ? `: ${problem.detail}` : ""}`, retry);
}

/** New channels or reasons: keep what the agent chose where it is still open. */
function onWays(html) {
  const before = way()?.value;
  fill(find('[data-panel="ways"]'), html);
  const same = all('input[name="way"]', form).find((input) => input.value === before);
  if (same) same.checked = true;
  mode();
}

/** Matters came or went: keep the chosen one where it is still there. */
function onAbout(html) {
  const before = about.value;
  fill(about, html);
  about.value = before;
  if (about.selectedIndex < 0) about.value = "";
  mode();
}

/** Begin a message, a note or a wrap-up. */
export function write(kind) {
  if (!form) return;
  const ways = all('input[name="way"]', form);
  const now = isNote() ? way().value : "message";
  const wanted = ways.find((input) => (kind === "message" ? !INSIDE.has(input.value) : input.value === kind));
  if (now !== kind && wanted) wanted.checked = true;
  mode();
  text.focus();
}

export function start() {
  text.value = sessionStorage.getItem(draft) ?? "";
  if (!way()) find('input[value="note"]', form).checked = true;
  mode();
  text.addEventListener("input", () => {
    tell("");
    if (text.value) sessionStorage.setItem(draft, text.value);
    else sessionStorage.removeItem(draft);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    }
  });
  form.addEventListener("change", mode);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  document.addEventListener("hub:ways", (event) => onWays(event.detail));
  document.addEventListener("hub:about", (event) => onAbout(event.detail));
  onEntries((rows) => { if (rows.some((row) => row.type === "agent.reply")) tell(""); });
}
