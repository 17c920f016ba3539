/** The pages of rules: finding one, looking at one, writing one. */

import { announce, ask, find, fragment } from "./dom.js";
import * as editor from "./rule-editor.js";
import * as page from "./rule-page.js";
import { refresh } from "./words.js";

const TYPING = 250; // milliseconds without another letter
let timer = 0;
let asked = 0;

/** The list that the server renders for what is chosen. */
async function look(form) {
  const mine = ++asked;
  const chosen = [...new FormData(form)].filter(([, value]) => value.trim());
  const query = String(new URLSearchParams(chosen));
  const answer = await ask(`/rules${query ? `?${query}` : ""}`).catch(() => null);
  if (mine !== asked || !answer?.ok) return; // a later question was asked meanwhile
  const fresh = fragment(await answer.text());
  for (const count of fresh.querySelectorAll("#rules-find [data-count]")) {
    find(`[data-count="${CSS.escape(count.dataset.count)}"]`, form).textContent = count.textContent;
  }
  const list = find("#rules-list", fresh);
  refresh(list);
  find("#rules-list").replaceWith(list);
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  announce(list.dataset.said);
}

function finder(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look(form);
  });
  form.addEventListener("change", () => look(form));
  form.addEventListener("input", (event) => {
    if (event.target.name !== "q") return;
    clearTimeout(timer);
    timer = setTimeout(() => look(form), TYPING);
  });
}

export function start() {
  if (find("#rules-find")) finder(find("#rules-find"));
  if (find("#rule")) page.start();
  if (find("#editor")) editor.start();
  find("#main").dataset.ready = "";
}
