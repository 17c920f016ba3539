/** The desk's page: puts its parts to work. */

import * as activity from "./activity.js";
import * as arrange from "./arrange.js";
import * as composer from "./composer.js";
import { all, ask, find } from "./dom.js";
import * as finder from "./finder.js";
import * as keys from "./keys.js";
import * as live from "./live.js";
import * as search from "./search.js";
import * as timeline from "./timeline.js";
import { refresh, tick } from "./words.js";
import * as worklist from "./worklist.js";

/** State, language, appearance, leaving. */
function settings() {
  const state = worklist.agentState();
  const show = (value) => {
    find("[data-agent-dot]").dataset.state = value;
    find("[data-agent-state]").textContent = find(`input[value="${value}"]`).closest("label").textContent.trim();
  };
  const chosen = find(`input[name="agent-state"][value="${CSS.escape(state)}"]`);
  if (chosen) {
    chosen.checked = true;
    show(state);
  }
  for (const input of all("#me input")) {
    input.addEventListener("change", async () => {
      if (input.name === "agent-state") {
        localStorage.setItem("agent-state", input.value);
        show(input.value);
        return;
      }
      await ask("/taste", { method: "POST", form: { [input.name]: input.value } });
      if (input.name === "theme") document.documentElement.dataset.theme = input.value;
      else location.reload();
    });
  }
  find("#sign-out").addEventListener("click", async () => {
    sessionStorage.clear();
    await ask("/sign-out", { method: "POST" });
    location.assign("/sign-in");
  });
  document.addEventListener("click", (event) => {
    const menu = find("#me[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
}

refresh();
tick();
setInterval(() => refresh(), 20000);
setInterval(() => tick(), 1000);

if (find("#me")) {
  settings();
  live.start();
  if (find("#search")) search.start();
  if (find(".columns")) activity.start();
  if (find(".rules-page")) import("./rules.js").then((rules) => rules.start());
  keys.start({ search: () => find("#search") && search.focusSearch(), step: (by) => find("#timeline") && timeline.step(by), narrow: () => find("#finder") && finder.open(), write: composer.write });
  if (find("#work")) {
    keys.tabs(find(".work .tabs"), (shown, every) => {
      for (const id of every) document.getElementById(id).hidden = id !== shown;
    });
    worklist.start();
  }
  if (find("#timeline")) {
    keys.tabs(find(".narrow-tabs"), (shown) => {
      document.body.dataset.tab = shown === "context" ? "context" : "";
    });
    timeline.follow();
    finder.start();
    composer.start();
    arrange.start();
  }
}
