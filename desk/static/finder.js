/** The filters of the timeline: what is chosen, in the address too, so that a reload or a link shows the same. */

import { all, announce, find } from "./dom.js";
import { narrow } from "./timeline.js";
import { digits, say } from "./words.js";

const DAY = 24 * 3600 * 1000;
const TYPING = 250; // milliseconds without another letter
const form = find("#finder");
const button = find("#narrow-by");
const fields = all("[name]", form ?? document);
let applied = "";
let timer = 0;

const chosen = () => new URLSearchParams(fields.map((field) => [field.name, field.value.trim()]).filter(([, value]) => value));

/** The chosen filters as the server is asked for them. */
function query(values) {
  const found = new URLSearchParams();
  if (values.has("q")) found.set("q", values.get("q"));
  if (values.has("channel")) found.set("channel", values.get("channel"));
  const kind = values.get("kind");
  const types = kind ? find(`option[value="${CSS.escape(kind)}"]`, form.elements.kind).dataset.types : "";
  for (const type of types.split(" ").filter(Boolean)) found.append("type", type);
  const span = values.get("span");
  if (span?.endsWith("d")) found.set("after", new Date(Date.now() - parseInt(span, 10) * DAY).toISOString());
  else if (span) {
    const [begin, end] = span.split("_").map(Number);
    found.set("after", new Date(begin - 1).toISOString());
    found.set("until", new Date(end).toISOString());
  }
  return found;
}

function show(values) {
  const count = find("[data-active]", button);
  count.hidden = !values.size;
  count.textContent = digits(values.size);
  find('[type="reset"]', form).disabled = !values.size;
  for (const field of fields) field.toggleAttribute("data-chosen", values.has(field.name));
}

async function apply() {
  clearTimeout(timer);
  const values = chosen();
  if (String(values) === applied) return;
  applied = String(values);
  show(values);
  history.replaceState(null, "", applied ? `?${applied}` : location.pathname);
  const found = await narrow(query(values));
  if (!found) return;
  if (!values.size) announce(say("cleared"));
  else if (!found.count) announce(find("#reached").hidden ? say("no_fit") : find("#reached").textContent);
  else announce(say(found.more ? "fit_more" : found.count === 1 ? "fit_one" : "fit", { n: digits(found.count) }));
}

/** The three buttons and the kinds are about the same: the last one chosen counts. */
function agree() {
  for (const show of all(".filters [data-show]")) {
    show.addEventListener("click", () => {
      if (show.dataset.show === "all" || !form.elements.kind.value) return;
      form.elements.kind.value = "";
      apply();
    });
  }
  form.elements.kind.addEventListener("change", (event) => {
    if (event.target.value) find('.filters [data-show="all"]').click();
  });
}

function unfold(open) {
  form.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
}

/** Go to the filters. */
export function open() {
  find("#tab-timeline").click(); // on a narrow page the timeline may be behind its tab
  unfold(true);
  fields[0].focus();
}

/** What an address asks for is chosen again. */
function recall() {
  const asked = new URLSearchParams(location.search);
  for (const field of fields) {
    field.value = asked.get(field.name) ?? "";
    if (field.selectedIndex < 0) field.selectedIndex = 0;
  }
  if (!chosen().size) return;
  unfold(true);
  apply();
}

export function start() {
  button.addEventListener("click", () => (form.hidden ? open() : unfold(false)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener("change", apply);
  form.addEventListener("input", (event) => {
    if (event.target.name !== "q") return;
    clearTimeout(timer);
    timer = setTimeout(apply, TYPING);
  });
  form.addEventListener("reset", () => {
    setTimeout(() => {
      apply();
      fields[0].focus();
    });
  });
  agree();
  recall();
}
