/** One rule: another state for it, two versions beside each other, why it spoke, and what it would have sent. */

import { all, announce, ask, find, fragment, icon, isolated, make } from "./dom.js";
import { tabs } from "./keys.js";
import { plot } from "./rule-picture.js";
import { digits, refresh, say } from "./words.js";

const API = "/api/v1/rules";
const rule = find("#rule");
const dialog = find("#move");
let move = "";

function open(button) {
  move = button.dataset.move;
  for (const one of all("[data-sense]", dialog)) one.hidden = one.dataset.sense !== move;
  const { name } = find(`[data-sense="${move}"]`, dialog).dataset;
  find("#move-title").textContent = name;
  find("[data-do]", dialog).textContent = name;
  find(".said", dialog).replaceChildren();
  dialog.showModal();
  find("#move-note").focus();
}

function request(note) {
  const place = `${API}/${rule.dataset.rule}`;
  const expected = rule.dataset.version;
  if (move === "retired") return ask(`${place}?${new URLSearchParams({ note, expected })}`, { method: "DELETE" });
  return ask(`${place}/state`, { method: "POST", json: { state: move, note, ...(expected ? { expected } : {}) } });
}

async function send(event) {
  event.preventDefault();
  const said = find(".said", dialog);
  const button = find("[data-do]", dialog);
  button.disabled = true;
  const answer = await request(find("#move-note").value).catch(() => null);
  button.disabled = false;
  if (answer?.status === 401) return location.assign("/sign-in");
  if (answer?.ok) return location.reload();
  const problem = answer ? await answer.json().catch(() => ({})) : {};
  const meanwhile = answer?.status === 409;
  const text = meanwhile ? said.dataset.changed : problem.detail ?? say("reconnecting");
  const look = meanwhile ? make("a", { href: location.pathname }, said.dataset.look) : null;
  said.replaceChildren(make("p", { class: "warning" }, make("span", {}, text, " ", look)));
  return undefined;
}

/** The comparison that the server renders for two versions. */
async function compare() {
  const query = new URLSearchParams(new FormData(find("#compare")));
  const answer = await ask(`${location.pathname}?${query}`).catch(() => null);
  if (!answer?.ok) return announce(say("reconnecting"), true);
  const focus = document.activeElement.id;
  const fresh = find("#difference", fragment(await answer.text()));
  find("#difference").replaceWith(fresh);
  history.replaceState(null, "", `?${query}`);
  if (focus) document.getElementById(focus)?.focus();
  return undefined;
}

/** One thing that was asked, what was found, and what it is made of. */
function step(one, words) {
  const known = ["yes", "no", "unknown"].includes(one.answer) ? one.answer : "unknown";
  const sign = { yes: "check", no: "x", unknown: "circle-question-mark" }[known];
  const found = one.found ? make("span", { class: "source" }, " · ", say("found_value", { value: `\u2068${one.found}\u2069` })) : null;
  const text = make("span", {}, make("span", { dir: "auto" }, one.asked), " ", make("b", {}, words[known]), found);
  const parts = (one.parts ?? []).map((part) => step(part, words));
  return make("li", { "data-answer": known }, make("div", { class: "step" }, icon(sign), text), parts.length ? make("ul", {}, ...parts) : null);
}

function explain(said, words) {
  const event = said.event ?? {};
  const about = make("p", { class: "source" }, isolated(event.type ?? "", "ltr"), " ", event.time ? make("time", { datetime: event.time, "data-ago": true }) : null);
  const steps = make("ul", { class: "steps-asked" }, ...(said.steps ?? []).map((one) => step(one, words)));
  const gates = (said.gates ?? []).length ? [make("h3", {}, words.gates), make("ul", { class: "gates" }, ...said.gates.map((gate) => make("li", { dir: "auto" }, gate)))] : [];
  return [make("p", { class: "summary", dir: "auto" }, said.summary), about, steps, ...gates];
}

function picture(said, words) {
  if (!said.days?.length) return [make("p", {}, words.none)];
  const sum = say("would_send", { sent: digits(said.sent), customers: digits(said.customers) });
  const held = Object.entries(said.held ?? {});
  const reasons = make("ul", { class: "held" }, ...held.map(([reason, count]) => make("li", {}, isolated(reason), " ", make("b", {}, digits(count)))));
  return [make("p", { class: "summary" }, sum), ...plot(said.days, words), held.length ? make("h3", {}, words.held) : null, held.length ? reasons : null].filter(Boolean);
}

/** Ask, and show the answer or why there is none. */
async function answered(place, asked, show) {
  const words = place.dataset;
  place.replaceChildren(make("p", { class: "source" }, words.asking));
  const answer = await asked.catch(() => null);
  if (answer?.status === 401) return location.assign("/sign-in");
  const said = answer ? await answer.json().catch(() => ({})) : {};
  const absent = answer?.status === 404 && said.detail?.startsWith("not available here");
  if (answer?.ok) place.replaceChildren(...show(said, words));
  else place.replaceChildren(make("p", { class: absent ? "empty small" : "warning" }, icon("info"), make("span", {}, absent ? words.absent : said.detail ?? say("reconnecting"))));
  refresh(place);
  return undefined;
}

function judge() {
  find("#why")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams({ customer: find("#why-customer").value });
    if (find("#why-at").value) query.set("at", new Date(find("#why-at").value).toISOString());
    answered(find("#why-answer"), ask(`${API}/${rule.dataset.rule}/why?${query}`), explain);
  });
  find("#backtest")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const since = new Date(Date.now() - find("#backtest-days").value * 86400000).toISOString();
    const json = { rule: rule.dataset.rule, since, until: new Date().toISOString() };
    answered(find("#backtest-answer"), ask(`${API}/backtest`, { method: "POST", json }), picture);
  });
}

export function start() {
  for (const button of all("[data-move]")) button.addEventListener("click", () => open(button));
  dialog?.addEventListener("submit", send);
  dialog?.addEventListener("click", ({ target }) => { if (target === dialog || target.closest("[data-close]")) dialog.close(); });
  document.addEventListener("change", ({ target }) => { if (target.closest("#compare")) compare(); });
  if (find("#preview-tabs")) tabs(find("#preview-tabs"), (shown, every) => { for (const id of every) document.getElementById(id).hidden = id !== shown; });
  judge();
}
