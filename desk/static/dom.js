/** The few things every module does with the page. HTML comes from our own server only, never from a value. */

const trusted = window.trustedTypes?.createPolicy("desk", { createHTML: (html) => html });

export const find = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Elements of a fragment that our server rendered. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = trusted ? trusted.createHTML(html) : html;
  return template.content;
}

/** Replace what is in an element, and give the focus back to what had it. */
export function fill(element, html) {
  const inside = element.contains(document.activeElement) ? document.activeElement : null;
  const mark = inside && (inside.id ? `#${CSS.escape(inside.id)}` : inside.value && `[value="${CSS.escape(inside.value)}"]`);
  const open = all("details", element).map((details) => details.open);
  element.replaceChildren(fragment(html));
  all("details", element).forEach((details, place) => { details.open = Boolean(open[place]); });
  if (mark) find(mark, element)?.focus({ preventScroll: true });
}

/** An element with text and children; attributes are set, never parsed. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** A name or text of unknown direction, kept apart from what is around it. */
export const isolated = (text, dir = "auto") => make("bdi", { dir }, text);

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `/static/icons/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Ask our server; changes carry the header that only our own page sets. */
export function ask(path, { method = "GET", json, form, headers = {} } = {}) {
  const body = json ? JSON.stringify(json) : form ? new URLSearchParams(form) : undefined;
  const kind = json ? { "Content-Type": "application/json" } : {};
  return fetch(path, { method, body, headers: { "X-Hub-Desk": "1", ...kind, ...headers }, credentials: "same-origin" });
}

/** Say something to readers of the screen: at once, or when they pause. */
export function announce(text, urgent = false) {
  const place = find(urgent ? "#announce" : "#status");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}
