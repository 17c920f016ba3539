/** The rule as text, with the numbers of its lines beside it. */

import { find } from "./dom.js";

const area = () => find("#rule-text");

/** Show the numbers of the lines; those with a fault are marked. */
export function number(faults = []) {
  const wrong = new Set(faults.map((fault) => fault.line));
  const count = area().value.split("\n").length;
  const lines = Array.from({ length: count }, (_, at) => {
    const line = document.createElement("span");
    line.textContent = at + 1;
    line.classList.toggle("wrong", wrong.has(at + 1));
    return line;
  });
  find("#gutter").replaceChildren(...lines);
  find("#gutter").scrollTop = area().scrollTop;
}

/** Go to a line. */
export function goTo(line) {
  const lines = area().value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area().focus();
  area().setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  const height = parseFloat(getComputedStyle(area()).lineHeight);
  area().scrollTop = Math.max(0, (line - 4) * height);
  area().scrollLeft = 0;
}

/** Enter begins the next line below the first word of this one. */
function indent(event) {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
  const before = area().value.slice(0, area().selectionStart);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const blanks = line.match(/^ */)[0];
  if (!blanks && !/[:|>-]$/.test(line.trimEnd())) return;
  event.preventDefault();
  const deeper = /[:|>]-?$/.test(line.trimEnd()) ? "  " : "";
  document.execCommand("insertText", false, `\n${blanks}${deeper}`); // keeps what can be undone
}

export function start(changed) {
  area().addEventListener("input", changed);
  area().addEventListener("keydown", indent);
  area().addEventListener("scroll", () => { find("#gutter").scrollTop = area().scrollTop; });
  number();
}
