/** The form: every field is a place in the rule's data. What the form does not know stays in the data untouched. */

import { all, find } from "./dom.js";
import { get, same, set, span } from "./rule-document.js";
import { Tree } from "./rule-tree.js";
import { tabs } from "./keys.js";
import { say } from "./words.js";

const KNOWN = ["id", "name", "note", "state", "priority", "on", "if", "wait", "unless", "send", "cap", "once"];
const form = () => find("#rule-form");

const READ = {
  raw: (field) => field.value.trim(),
  text: (field) => (field.value === "" ? undefined : field.value),
  choice: (field) => (field.value === field.dataset.usual ? undefined : field.value),
  number: (field) => (field.value === "" ? undefined : Number(field.value)),
};

/** The form over a rule's data; `changed` is told of every change. */
export class Form {
  constructor(changed) {
    this.changed = changed;
    this.trees = all("[data-tree]", form()).map((element) => new Tree(element, (node) => this.put(element.dataset.tree, node)));
    for (const field of all("[data-kind]", form())) field.addEventListener("input", () => this.put(field.dataset.path, READ[field.dataset.kind](field)));
    for (const field of all("[data-span]", form())) field.addEventListener("input", () => this.putSpan(field));
    find("#channels").addEventListener("change", () => this.putChannels());
    find("#channels").addEventListener("click", ({ target }) => this.earlier(target.closest("[data-earlier]")));
    find("#events").addEventListener("input", () => this.putEvents());
    find("#events").addEventListener("click", ({ target }) => this.removeEvent(target.closest("[data-remove]")));
    find("#add-event").addEventListener("click", () => this.addEvent("").focus());
    form().addEventListener("submit", (event) => event.preventDefault());
    tabs(find("#message-tabs"), (shown, every) => { for (const id of every) document.getElementById(id).hidden = id !== shown; });
  }

  put(path, value) {
    if (same(get(this.data, path), value)) return;
    set(this.data, path, value);
    this.changed();
  }

  /** Show a rule. */
  show(data) {
    this.data = data;
    for (const field of all("[data-kind]", form())) {
      const value = get(data, field.dataset.path);
      field.value = value === undefined || typeof value === "object" ? field.dataset.usual ?? "" : value;
    }
    for (const field of all("[data-span]", form())) this.showSpan(field);
    for (const tree of this.trees) tree.show(data[tree.element.dataset.tree]);
    find("#events").replaceChildren();
    for (const kind of Array.isArray(data.on) ? data.on : []) this.addEvent(kind);
    this.showChannels();
    const rest = Object.keys(data).filter((key) => !KNOWN.includes(key));
    find("#rest").hidden = !rest.length;
    find("#rest").textContent = say("only_text", { parts: rest.join(", ") });
  }

  showSpan(field) {
    const said = get(this.data, field.dataset.span);
    const now = span(said);
    const [number, unit] = [find("input", field), find("[data-unit]", field)];
    number.value = now?.number ?? "";
    if (now) unit.value = now.unit;
    // What is more than a number and a unit can only be written as text.
    number.disabled = unit.disabled = said !== undefined && !now;
    number.placeholder = number.disabled ? JSON.stringify(said) : "";
  }

  putSpan(field) {
    const number = parseInt(find("input", field).value, 10);
    this.put(field.dataset.span, number ? `${number}${find("[data-unit]", field).value}` : undefined);
  }

  showChannels() {
    const chosen = get(this.data, "send.channel");
    const order = Array.isArray(chosen) ? chosen : [];
    const items = all("#channels > li");
    const place = (item) => (order.includes(item.dataset.channel) ? order.indexOf(item.dataset.channel) : order.length);
    items.sort((one, other) => place(one) - place(other));
    find("#channels").replaceChildren(...items);
    for (const item of items) {
      find("input", item).checked = order.includes(item.dataset.channel);
      find("[data-earlier]", item).disabled = !order.includes(item.dataset.channel) || order[0] === item.dataset.channel;
    }
  }

  putChannels() {
    const chosen = all("#channels input:checked").map((input) => input.value);
    this.put("send.channel", chosen);
    const focus = document.activeElement;
    this.showChannels();
    focus?.focus();
  }

  earlier(button) {
    if (!button) return;
    const item = button.closest("li");
    item.previousElementSibling.before(item);
    this.putChannels();
    (button.disabled ? find("input", item) : button).focus();
  }

  addEvent(kind) {
    const row = find("#event-row").content.firstElementChild.cloneNode(true);
    const input = find("input", row);
    if (typeof kind === "string") input.value = kind;
    else {
      // An event written in a way that one line cannot hold.
      input.value = JSON.stringify(kind);
      input.readOnly = true;
    }
    find("#events").append(row);
    this.sayEvents();
    return input;
  }

  removeEvent(button) {
    if (!button) return;
    const row = button.closest("li");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    this.putEvents();
    (next ? find("input", next) : find("#add-event")).focus();
  }

  putEvents() {
    const kinds = all("#events input").map((input) => (input.readOnly ? JSON.parse(input.value) : input.value.trim()));
    this.sayEvents();
    this.put("on", kinds.filter((kind) => kind !== ""));
  }

  sayEvents() {
    for (const row of all("#events > li")) {
      const kind = find("input", row).value.trim().split("/")[0];
      find("[data-said]", row).textContent = find(`#event-kinds option[value="${CSS.escape(kind)}"]`)?.textContent ?? "";
    }
  }
}

/** Go to the part of the form that a fault is about. */
export function focusOn(path) {
  const keys = path.replace(/\.(all|any|not|has)\b/g, "").split(".");
  for (; keys.length; keys.pop()) {
    const name = CSS.escape(keys.join("."));
    const place = find(`[data-path="${name}"]`, form()) ?? find(`[data-at="${name}"]`, form());
    if (place) {
      const panel = place.closest("[role=tabpanel].message");
      if (panel?.hidden) find(`[aria-controls="${panel.id}"]`).click();
      const input = place.matches("input, select, textarea") ? place : find("input, select, textarea, button", place);
      input?.focus();
      input?.scrollIntoView({ block: "center" });
      return;
    }
  }
  find("input:not([readonly])", form()).focus();
}
