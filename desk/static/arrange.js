/** Who belongs together: the evidence, and the dialogs that join two customers or take one apart. */

import { all, announce, ask, fill, find, fragment, make } from "./dom.js";
import { refresh, say } from "./words.js";

const PAUSE = 400;
const PATIENCE = 20000;
const dialog = find("#arrange");
const customer = find("#main")?.dataset.customer;
const page = (path) => `/customers/${encodeURIComponent(customer)}/${path}`;
let opener = "";

async function read(path) {
  const answer = await ask(path).catch(() => null);
  if (answer?.status === 401) return location.assign("/sign-in");
  return answer;
}

/** Show a part of the page in the dialog. */
async function show(path) {
  const answer = await read(path);
  if (!answer?.ok) return announce(say("reconnecting"), true);
  const before = dialog.contains(document.activeElement) ? document.activeElement.value : "";
  dialog.replaceChildren(fragment(await answer.text()));
  refresh(dialog);
  if (!dialog.open) dialog.showModal();
  const same = before && find(`input[value="${CSS.escape(before)}"]`, dialog);
  (same || find("#merge-with, .scrolls, [data-do]:not([disabled]), [data-close]", dialog))?.focus();
  return undefined;
}

const wait = (pause) => new Promise((resolve) => { setTimeout(resolve, pause); });

/** Wait until it is decided, and say what was decided. */
async function decided(form, ref) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end && form.isConnected) {
    const answer = await read(`${form.dataset.outcome}?ref=${encodeURIComponent(ref)}`);
    if (answer?.status === 200) return fragment(await answer.text());
    await wait(PAUSE);
  }
  return make("p", {}, say("undecided"));
}

/** The dialog has only a way out left. */
function done(form, said) {
  find(".said", form).replaceChildren(said);
  for (const one of all(".choices, .choice, [data-do]", form)) one.remove();
  find("[data-close]", form).textContent = say("close");
  find("[data-close]", form).focus();
}

async function send(form) {
  const button = find("[data-do]", form);
  const said = find(".said", form);
  const json = JSON.parse(form.dataset.json);
  if (find("[name=force]", form)) json.force = find("[name=force]", form).checked;
  form.dataset.once ??= crypto.randomUUID(); // asked again after a fault, it is the same request
  button.disabled = true;
  said.textContent = say("asking");
  const headers = { "Idempotency-Key": form.dataset.once };
  const answer = await ask(form.dataset.ask, { method: "POST", json, headers }).catch(() => null);
  if (answer?.status === 401) return location.assign("/sign-in");
  if (answer?.ok) return done(form, await decided(form, (await answer.json()).ref));
  const problem = answer ? await answer.json().catch(() => ({})) : {};
  said.replaceChildren(make("p", { class: "warning" }, problem.detail ?? say("reconnecting")));
  button.disabled = false;
  button.focus();
  return undefined;
}

/** Something else goes with it, or stays: what would come of that. */
function choose(group) {
  const out = [group.dataset.choose, ...all("input:checked", group).map((input) => input.value)];
  show(page(`unmerge?${out.map((name) => `identities=${encodeURIComponent(name)}`).join("&")}`));
}

async function evidence(details) {
  const answer = await read(page(`evidence?identity=${encodeURIComponent(details.dataset.identity)}`));
  if (!answer?.ok || !details.isConnected) return;
  const list = find("[data-evidence]", details);
  fill(list, await answer.text());
  refresh(list);
}

function onClick({ target }) {
  const merge = target.closest("[data-merge]");
  const unmerge = target.closest("[data-unmerge]");
  if (merge) {
    opener = `[data-merge="${CSS.escape(merge.dataset.merge)}"]`;
    show(page(`merge?with=${encodeURIComponent(merge.dataset.merge)}`));
  } else if (unmerge) {
    opener = `[data-unmerge="${CSS.escape(unmerge.dataset.unmerge)}"]`;
    show(page(`unmerge?along=true&identities=${encodeURIComponent(unmerge.dataset.unmerge)}`));
  }
}

export function start() {
  find("#context").addEventListener("click", onClick);
  // `toggle` does not bubble, but it can be caught on its way down.
  find("#context").addEventListener("toggle", ({ target }) => { if (target.open && target.matches(".because")) evidence(target); }, true);
  dialog.addEventListener("click", ({ target }) => { if (target === dialog || target.closest("[data-close]")) dialog.close(); });
  dialog.addEventListener("change", ({ target }) => {
    if (target.name === "force") find("[data-do]", dialog).disabled = !target.checked;
    if (target.name === "along") choose(target.closest("[data-choose]"));
  });
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    if (form.matches("[data-find]")) show(page(`merge?with=${encodeURIComponent(find("input", form).value.trim())}`));
    else if (form.matches("[data-ask]")) send(form);
  });
  // What opened it may have been replaced meanwhile.
  dialog.addEventListener("close", () => {
    if (!find("#context").contains(document.activeElement)) (find(opener) ?? find("#identifiers-title"))?.focus();
  });
}
