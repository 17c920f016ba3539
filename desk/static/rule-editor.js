/** The editor: form and text are two views of one rule, checked while somebody types, published with a reason. */

import { announce, ask, find, icon, make } from "./dom.js";
import { tabs } from "./keys.js";
import { focusOn, Form } from "./rule-form.js";
import * as textView from "./rule-text.js";
import { digits, say } from "./words.js";

const PAUSE = 400; // milliseconds without another letter
const API = "/api/v1/rules";
const editor = find("#editor");
const area = find("#rule-text");
let form;
let view = "form";
let written = area?.value; // the text as it was when the form began to show it
let touched = false; // whether the form changed anything since then
let dirty = false;
let expected = editor?.dataset.expected;
let timer = 0;
let turn = 0;

const draft = () => (view === "form" ? { rule: form.data } : { text: area.value });

async function post(path, json) {
  const answer = await ask(`${API}/${path}`, { method: "POST", json }).catch(() => null);
  if (answer?.status === 401) location.assign("/sign-in");
  return answer;
}

function note(text) {
  find("#view-note").hidden = !text;
  find("#view-note [data-text]").textContent = text ?? "";
}

function go(fault) {
  if (view === "text") textView.goTo(Math.max(1, fault.line));
  else focusOn(fault.field);
}

/** How many there are, in words. */
const count = (some, one, many) => say(some.length === 1 ? one : many, { n: digits(some.length) });

/** The faults, and what else is to be looked at, as buttons that lead there. */
function list(faults, warnings = []) {
  const items = [...faults, ...warnings].slice(0, 30).map((fault) => {
    const line = view === "text" && fault.line ? make("span", { class: "source" }, say("line", { n: digits(fault.line) }), " ") : null;
    const said = make("span", { lang: "en", dir: "ltr" }, fault.field && make("b", {}, fault.field), fault.field ? ": " : "", fault.reason);
    const mark = warnings.includes(fault) ? make("span", { class: "source" }, say("only_warning"), " ") : null;
    const button = make("button", { type: "button", class: "row-button" }, mark, line, said);
    button.addEventListener("click", () => go(fault));
    return make("li", {}, button);
  });
  find("#faults").replaceChildren(...items);
  const said = [faults.length ? count(faults, "fault", "faults") : editor.dataset.none];
  if (warnings.length) said.push(count(warnings, "warning", "warnings"));
  const place = find("#faults-count");
  place.replaceChildren(icon(faults.length ? "triangle-alert" : "circle-check"), ` ${said.join(" · ")}`);
  place.classList.toggle("wrong", faults.length > 0);
  if (view === "text") textView.number(faults);
}

async function check() {
  const mine = ++turn;
  const answer = await post("check", draft());
  if (mine !== turn) return; // a later question was asked meanwhile
  if (!answer) return note(editor.dataset.away);
  const said = await answer.json();
  if (answer.ok) list(said.problems, said.warnings);
  else list([{ line: 1, field: said.field ?? "", reason: said.detail }]);
}

function changed() {
  dirty = true;
  if (view === "form") {
    touched = true;
  } else textView.number();
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE);
}

/** Show the other view of the same rule; false when that is not possible. */
async function turnTo(next) {
  if (next === "text") {
    if (touched) {
      const answer = await post("convert", { rule: form.data });
      if (!answer?.ok) return note(editor.dataset.away);
      area.value = (await answer.json()).text;
    }
    written = area.value;
    note("");
    view = "text";
    textView.number();
    return true;
  }
  if (area.value !== written) {
    const answer = await post("convert", { text: area.value });
    if (!answer?.ok) return note(editor.dataset.away);
    const said = await answer.json();
    if (!said.rule) {
      note(`${editor.dataset.noForm} ${said.no_form}`);
      return false;
    }
    form.show(said.rule);
    written = area.value;
    note(said.comments ? editor.dataset.lost : "");
  } else note("");
  view = "form";
  touched = false;
  return true;
}

async function choose(wanted) {
  const next = wanted === "view-text" ? "text" : "form";
  if (next !== view) await turnTo(next);
  for (const one of ["form", "text"]) {
    find(`#view-${one}`).hidden = one !== view;
    find(`#tab-${one}`).setAttribute("aria-selected", String(one === view));
    find(`#tab-${one}`).tabIndex = one === view ? 0 : -1;
  }
  check();
}

const refused = (...said) => find("#publish-said").replaceChildren(make("div", { class: "warning" }, make("span", {}, ...said)));

/** What was published meanwhile is shown; whoever saw it may publish theirs all the same. */
async function overtaken(id) {
  const { changed: text, look, anyway } = editor.dataset;
  const again = make("button", { type: "button", class: "button small" }, anyway);
  const answer = await ask(`${API}/${encodeURIComponent(id)}`).catch(() => null);
  const now = answer?.ok ? (await answer.json()).version : expected;
  again.addEventListener("click", () => {
    expected = now;
    publish();
  });
  refused(text, " ", make("a", { href: `/rules/${id}`, target: "_blank" }, look), " ", again);
  again.focus();
}

async function named() {
  if (view === "form") return form.data.id;
  const answer = await post("convert", draft());
  return answer?.ok ? (await answer.json()).rule?.id : undefined;
}

async function publish() {
  const id = (await named()) || editor.dataset.rule || "new-rule";
  find("#publish-said").textContent = editor.dataset.publishing;
  const json = { ...draft(), note: find("#publish-note").value, ...(expected ? { expected } : {}) };
  const answer = await ask(`${API}/${encodeURIComponent(id)}`, { method: "PUT", json }).catch(() => null);
  if (answer?.status === 401) return location.assign("/sign-in");
  if (answer?.ok) {
    dirty = false;
    return location.assign(`/rules/${id}`);
  }
  if (answer?.status === 409) return overtaken(id);
  const said = answer ? await answer.json().catch(() => ({})) : {};
  refused(said.detail ?? editor.dataset.away);
  if (said.problems) list(said.problems);
  announce(said.detail ?? editor.dataset.away, true);
  return undefined;
}

export function start() {
  form = new Form(changed);
  form.show(JSON.parse(editor.dataset.document));
  textView.start(changed);
  tabs(find("#views"), choose);
  find("#publish").addEventListener("submit", (event) => {
    event.preventDefault();
    publish();
  });
  editor.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    publish();
  });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  check();
}
