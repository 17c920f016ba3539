/** Messages by day, as a picture and as a table for whoever does not see it. */

import { icon, make } from "./dom.js";
import { date, digits } from "./words.js";

const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 90;
const STEP = 12;

function svg(name, attributes, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const moment = (day) => Date.parse(`${day}T12:00:00Z`);

function bar(one, at, most) {
  const height = (count) => (count ? Math.max(2, (count / most) * HEIGHT) : 0);
  const [sent, held] = [height(one.sent), height(one.held)];
  const title = svg("title", {});
  title.textContent = `${date(moment(one.day))}: ${digits(one.sent)} / ${digits(one.held)}`;
  return svg(
    "g",
    {},
    title,
    svg("rect", { class: "bar-held", x: at * STEP + 1, y: HEIGHT - sent - held, width: STEP - 3, height: held }),
    svg("rect", { class: "bar-sent", x: at * STEP + 1, y: HEIGHT - sent, width: STEP - 3, height: sent }),
  );
}

/** The picture, its key, and the table. */
export function plot(days, words) {
  const most = Math.max(1, ...days.map((one) => one.sent + one.held));
  const bars = days.map((one, at) => bar(one, at, most));
  const chart = svg("svg", { class: "bars", viewBox: `0 0 ${days.length * STEP} ${HEIGHT + 1}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars);
  const ends = make("p", { class: "ends source" }, make("span", {}, date(moment(days[0].day))), make("span", {}, digits(most)), make("span", {}, date(moment(days.at(-1).day))));
  const key = make("p", { class: "key source" }, make("span", { class: "key-sent" }, words.sent), make("span", { class: "key-held" }, words.held));
  const head = make("tr", {}, ...[words.day, words.sent, words.held].map((name) => make("th", { scope: "col" }, name)));
  const rows = days.map((one) => make("tr", {}, make("th", { scope: "row" }, date(moment(one.day))), make("td", {}, digits(one.sent)), make("td", {}, digits(one.held))));
  const table = make("details", { class: "more" }, make("summary", {}, words.table, " ", icon("chevron-down")), make("div", { class: "scrolls" }, make("table", { class: "conflicts" }, make("thead", {}, head), make("tbody", {}, ...rows))));
  return [chart, ends, key, table];
}
