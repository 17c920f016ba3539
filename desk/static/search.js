/** Finding a customer while typing; the server renders what it found. */

import { all, announce, ask, fill, find, make } from "./dom.js";
import { digits, refresh, say } from "./words.js";

const input = find("#search");
const box = find("#results");
let asked = 0;
let timer = 0;

const options = () => all('[role="option"]', box);
const chosen = () => find('[aria-selected="true"]', box);

function close() {
  box.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

async function look() {
  const query = input.value.trim();
  if (!query) return close();
  const mine = ++asked;
  const answer = await ask(`/search?q=${encodeURIComponent(query)}`).catch(() => null);
  if (mine !== asked) return undefined; // a later question was asked meanwhile
  if (answer?.status === 401) return location.assign("/sign-in");
  fill(box, answer?.ok ? await answer.text() : "");
  const found = options();
  if (!found.length) box.replaceChildren(make("div", { class: "quiet", role: "option", "aria-disabled": "true", "aria-selected": "false" }, say(answer?.ok ? "nothing" : "reconnecting")));
  refresh(box);
  box.hidden = false;
  input.setAttribute("aria-expanded", "true");
  choose(found[0]);
  announce(found.length ? say(found.length === 1 ? "found_one" : "found", { n: digits(found.length) }) : say("nothing"));
  return undefined;
}

function onKey(event) {
  const found = options();
  const at = found.indexOf(chosen());
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = event.key === "ArrowDown" ? at + 1 : at - 1;
    choose(found[(next + found.length) % found.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (!box.hidden && chosen()?.href) location.assign(chosen().href);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    if (box.hidden) input.blur();
    close();
  }
}

export function focusSearch() {
  input.focus();
  input.select();
}

export function start() {
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 90);
  });
  input.addEventListener("keydown", onKey);
  input.addEventListener("focus", () => { if (input.value.trim()) look(); });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
  for (const button of all("[data-focus-search]")) button.addEventListener("click", focusSearch);
}
