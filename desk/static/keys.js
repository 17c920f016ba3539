/** Everything without a mouse. Single letters only work outside of fields, and can be switched off. */

import { all, find } from "./dom.js";

const dialog = () => find("#keys");
const singles = () => localStorage.getItem("single-keys") !== "off";
const typing = (target) => target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]");

/** Tabs as the pattern of ARIA describes them; `changed` hears which one was chosen. */
export function tabs(list, changed = () => {}) {
  const buttons = all('[role="tab"]', list);
  const choose = (button, focus) => {
    for (const other of buttons) {
      const here = other === button;
      other.setAttribute("aria-selected", String(here));
      other.tabIndex = here ? 0 : -1;
    }
    if (focus) button.focus();
    changed(button.getAttribute("aria-controls"), buttons.map((one) => one.getAttribute("aria-controls")));
  };
  list.addEventListener("click", (event) => {
    const button = event.target.closest('[role="tab"]');
    if (button) choose(button, false);
  });
  list.addEventListener("keydown", (event) => {
    const rtl = document.documentElement.dir === "rtl";
    const by = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 }[event.key];
    if (!by) return;
    const at = buttons.indexOf(document.activeElement);
    choose(buttons[(at + by + buttons.length) % buttons.length], true);
  });
}

export function start(actions) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      actions.search();
    } else if (event.key === "Escape") {
      if (find("dialog[open]")) return;
      const menu = find("#me[open]");
      if (menu) {
        menu.open = false;
        find("summary", menu).focus();
      } else if (typing(event.target)) event.target.blur();
      else find('#work a[aria-current], #work a, [role="tab"]')?.focus();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey && singles() && !typing(event.target) && !find("dialog[open]")) {
      const action = { j: () => actions.step(1), k: () => actions.step(-1), f: () => actions.narrow(), r: () => actions.write("message"), n: () => actions.write("note"), w: () => actions.write("wrap-up"), "?": () => dialog()?.showModal() }[event.key];
      if (action) {
        event.preventDefault();
        action();
      }
    }
  });
  const single = find("#single-keys");
  single.checked = singles();
  single.addEventListener("change", () => localStorage.setItem("single-keys", single.checked ? "on" : "off"));
  for (const button of all("[data-open-keys]")) button.addEventListener("click", () => dialog().showModal());
}
