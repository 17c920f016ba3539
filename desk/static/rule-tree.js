/** A condition as groups of rows that can be changed with keyboard and mouse. What has no row is kept as it is. */

import { all, find } from "./dom.js";
import { parsed, several, span, typed } from "./rule-document.js";

const OPS = ["eq", "ne", "gt", "ge", "lt", "le", "in", "between", "contains", "prefix", "suffix", "within"];
const TEXTS = ["contains", "prefix", "suffix"];
const only = (node, ...keys) => Object.keys(node).every((key) => keys.includes(key));
const clone = (name) => find(`#tree-${name}`).content.firstElementChild.cloneNode(true);
const blank = { row: () => ({ t: "row", field: "", op: "eq", value: "" }), seen: () => ({ t: "seen", seen: [], within: "7d" }), list: () => ({ t: "list", field: "", part: blank.group() }), group: () => ({ t: "group", kind: "all", parts: [blank.row()] }) };

/** The data of a condition as what is shown. */
function model(node) {
  if (typeof node !== "object" || node === null) return { t: "raw", node };
  for (const kind of ["all", "any"]) if (Array.isArray(node[kind]) && only(node, kind)) return { t: "group", kind, parts: node[kind].map(model) };
  if (node.not !== undefined && only(node, "not")) {
    const inner = node.not ?? {};
    if (Array.isArray(inner.any) && only(inner, "any")) return { t: "group", kind: "none", parts: inner.any.map(model) };
    if (Array.isArray(inner.all) && only(inner, "all")) return { t: "group", kind: "not-all", parts: inner.all.map(model) };
    return { t: "group", kind: "none", parts: [model(inner)], bare: true };
  }
  if (typeof node.list === "string" && node.has && only(node, "list", "has")) return { t: "list", field: node.list, part: root(node.has) };
  if (Array.isArray(node.seen) && only(node, "seen", "within") && (node.within === undefined || span(node.within))) return { t: "seen", seen: node.seen, within: node.within };
  return row(node);
}

function row(node) {
  const { field, op, value } = node;
  const raw = { t: "raw", node };
  if (typeof field !== "string" || !only(node, "field", "op", "value", "ignore_case")) return raw;
  if (op === "exists") return { t: "row", field, op: value === false ? "unknown" : "known" };
  if (!OPS.includes(op) || (typeof value === "object" && !Array.isArray(value))) return raw;
  if ((op === "in" || op === "between") !== Array.isArray(value) || (op === "within" && !span(value))) return raw;
  return { t: "row", field, op, value, ignore_case: node.ignore_case };
}

/** The same with a group around it, so that there is a place to add to. */
function root(node) {
  const shown = node === undefined || node === null ? { t: "group", kind: "all", parts: [], bare: true } : model(node);
  return shown.t === "group" ? shown : { t: "group", kind: "all", parts: [shown], bare: true };
}

/** What is shown as data again; undefined for nothing. */
function data(shown) {
  if (shown.t === "raw") return shown.node;
  if (shown.t === "seen") return { seen: shown.seen, ...(shown.within ? { within: shown.within } : {}) };
  if (shown.t === "list") return { list: shown.field, has: data(shown.part) ?? {} };
  if (shown.t === "row") {
    if (shown.op === "known" || shown.op === "unknown") return { field: shown.field, op: "exists", ...(shown.op === "unknown" ? { value: false } : {}) };
    return { field: shown.field, op: shown.op, value: shown.value, ...(shown.ignore_case && TEXTS.includes(shown.op) ? { ignore_case: true } : {}) };
  }
  const parts = shown.parts.map(data).filter((one) => one !== undefined);
  if (!parts.length) return undefined;
  if (shown.bare && parts.length === 1 && shown.kind === "all") return parts[0];
  if (shown.bare && parts.length === 1 && shown.kind === "none") return { not: parts[0] };
  return { all: { all: parts }, any: { any: parts }, none: { not: { any: parts } }, "not-all": { not: { all: parts } } }[shown.kind];
}

/** A condition in an element; `changed` hears its data. */
export class Tree {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
  }

  show(node) {
    this.root = root(node);
    this.draw();
  }

  draw() {
    const key = this.element.dataset.tree;
    this.element.replaceChildren(this.group(this.root, key));
    find("[data-remove]", this.element)?.remove(); // the outermost group stays
  }

  tell() {
    this.changed(data(this.root));
  }

  /** Draw again, and let the focus be where somebody would go on. */
  again(focus) {
    this.draw();
    this.tell();
    const place = focus && find(`[data-at="${CSS.escape(focus)}"]`, this.element);
    (place && find("input, select, button", place))?.focus();
  }

  group(shown, at) {
    const element = clone("group");
    element.dataset.at = at;
    const kind = find("[data-part=kind]", element);
    kind.value = shown.kind;
    kind.addEventListener("change", () => {
      shown.kind = kind.value;
      this.tell();
    });
    this.parts(shown, element, at);
    for (const add of all(":scope > .adds [data-add]", element)) {
      add.addEventListener("click", () => {
        shown.parts.push(blank[add.dataset.add]());
        this.again(`${at}.${shown.parts.length - 1}`);
      });
    }
    return element;
  }

  parts(shown, element, at) {
    const list = find(":scope > [data-parts]", element);
    shown.parts.forEach((part, number) => {
      const item = document.createElement("li");
      const drawn = this[part.t](part, `${at}.${number}`);
      drawn.dataset.at = `${at}.${number}`;
      all("[data-remove]", drawn)[0]?.addEventListener("click", () => {
        shown.parts.splice(number, 1);
        this.again(shown.parts.length ? `${at}.${Math.min(number, shown.parts.length - 1)}` : at);
      });
      item.append(drawn);
      list.append(item);
    });
  }

  list(shown, at) {
    const element = clone("list");
    const field = find("[data-part=field]", element);
    field.value = shown.field;
    field.addEventListener("input", () => { shown.field = field.value.trim(); this.tell(); });
    const inner = this.group(shown.part, `${at}.has`);
    find(":scope > .branch-head [data-remove]", inner).remove();
    const item = document.createElement("li");
    item.append(inner);
    find(":scope > [data-parts]", element).append(item);
    return element;
  }

  seen(shown) {
    const element = clone("seen");
    const events = find("[data-part=seen]", element);
    events.value = shown.seen.join(", ");
    events.addEventListener("input", () => { shown.seen = events.value.split(/[,،]/).map((one) => one.trim()).filter(Boolean); this.tell(); });
    this.span(shown, "within", element);
    return element;
  }

  raw(shown) {
    const element = clone("raw");
    find("[data-part=raw]", element).textContent = JSON.stringify(shown.node);
    return element;
  }

  row(shown) {
    const element = clone("row");
    const field = find("[data-part=field]", element);
    const op = find("[data-part=op]", element);
    field.value = shown.field;
    op.value = shown.op;
    const name = () => { find("[data-said]", element).textContent = find(`#rule-fields option[value="${CSS.escape(shown.field)}"]`)?.textContent ?? ""; };
    name();
    field.addEventListener("input", () => { shown.field = field.value.trim(); name(); this.tell(); });
    op.addEventListener("change", () => {
      this.turn(shown, op.value);
      this.values(shown, element);
      this.tell();
    });
    this.values(shown, element);
    this.listen(shown, element);
    return element;
  }

  /** Another comparison: what was typed is kept where it makes sense. */
  turn(shown, op) {
    const first = Array.isArray(shown.value) ? shown.value[0] : shown.value;
    shown.op = op;
    if (op === "in") shown.value = Array.isArray(shown.value) ? shown.value : [first].filter((one) => one !== "" && one !== undefined);
    else if (op === "between") shown.value = [first ?? "", ""];
    else if (op === "within") shown.value = "7d";
    else if (TEXTS.includes(op)) shown.value = typeof first === "string" ? first : typed(first);
    else shown.value = first ?? "";
  }

  /** Show the inputs that the comparison needs, with what they hold. */
  values(shown, element) {
    const [value, high, within, fold] = ["value", "high", "within", "case"].map((part) => find(`[data-part=${part}]`, element));
    const none = shown.op === "known" || shown.op === "unknown";
    value.hidden = none || shown.op === "within";
    high.hidden = shown.op !== "between";
    within.hidden = shown.op !== "within";
    fold.hidden = !TEXTS.includes(shown.op);
    if (shown.op === "within") this.span(shown, "value", element);
    else if (shown.op === "between") [value.value, high.value] = [typed(shown.value[0]), typed(shown.value[1])];
    else if (shown.op === "in") value.value = shown.value.map(typed).join(", ");
    else value.value = TEXTS.includes(shown.op) || shown.value === "" ? shown.value ?? "" : typed(shown.value);
    find("input", fold).checked = Boolean(shown.ignore_case);
  }

  listen(shown, element) {
    const [value, high, fold] = ["value", "high", "case"].map((part) => find(`[data-part=${part}]`, element));
    const take = () => {
      if (shown.op === "in") shown.value = several(value.value);
      else if (shown.op === "between") shown.value = [parsed(value.value), parsed(high.value)];
      else shown.value = TEXTS.includes(shown.op) ? value.value : parsed(value.value);
      this.tell();
    };
    value.addEventListener("input", take);
    high.addEventListener("input", take);
    find("input", fold).addEventListener("change", (event) => { shown.ignore_case = event.target.checked; this.tell(); });
  }

  /** A number and a unit for a span. */
  span(shown, key, element) {
    const place = find("[data-part=within]", element);
    const [number, unit] = [find("input", place), find("[data-unit]", place)];
    const now = span(shown[key]);
    if (now) [number.value, unit.value] = [now.number, now.unit];
    place.oninput = () => {
      shown[key] = number.value ? `${parseInt(number.value, 10)}${unit.value}` : undefined;
      this.tell();
    };
  }
}
