/** A rule as data: reading and changing it by path, and values as people type them. */

export const UNITS = { w: 604800000, d: 86400000, h: 3600000, m: 60000, s: 1000, ms: 1 };
const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The value at a path such as `send.text.en`. */
export function get(data, path) {
  return path.split(".").reduce((here, key) => (isTable(here) ? here[key] : undefined), data);
}

/** Change the value at a path; without a value it is taken out, and what is empty then, too. */
export function set(data, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  const way = [data];
  for (const key of keys) {
    const here = way.at(-1);
    if (!isTable(here[key])) {
      if (value === undefined) return;
      here[key] = {};
    }
    way.push(here[key]);
  }
  if (value !== undefined) way.at(-1)[last] = value;
  else delete way.at(-1)[last];
  for (let at = way.length - 1; at > 0 && !Object.keys(way[at]).length; at -= 1) delete way[at - 1][keys[at - 1]];
}

/** A span such as `1h30m` as a number and a unit; null for anything else. */
export function span(text) {
  if (typeof text !== "string" || !/^(\d{1,6}(ms|[wdhms]))+$/.test(text)) return null;
  let whole = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)(ms|[wdhms])/g)) whole += Number(number) * UNITS[unit];
  const fits = (unit) => whole % UNITS[unit] === 0;
  // 7 days are days, as they were written: a larger unit only where the text has it.
  const own = [...text.matchAll(/(ms|[wdhms])/g)].map(([unit]) => unit).at(-1);
  const unit = fits(own) ? own : "ms";
  return unit === "ms" ? null : { number: whole / UNITS[unit], unit };
}

/** A value as it is typed: numbers and yes or no as such, text in quotes where it would be taken for one of them. */
export function typed(value) {
  if (typeof value !== "string") return value === undefined || value === null ? "" : String(value);
  return value === "" || parsed(value) !== value || /[,،]/.test(value) ? JSON.stringify(value) : value;
}

/** The value that somebody typed. */
export function parsed(text) {
  const word = text.trim();
  if (/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(word)) return Number(word);
  if (word === "true" || word === "false") return word === "true";
  if (/^".*"$/.test(word)) {
    try {
      return JSON.parse(word);
    } catch {
      return text;
    }
  }
  return word;
}

/** Values divided by commas, those in quotes left whole. */
export function several(text) {
  return (text.match(/\s*"(?:[^"\\]|\\.)*"\s*|[^,،]+/g) ?? []).map((one) => one.trim()).filter(Boolean).map(parsed);
}

/** Whether two values are the same in all that they say. */
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
