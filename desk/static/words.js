/** The page's words, numbers and moments, in the reader's language and calendar. */

export const language = document.documentElement.lang;
const locale = language === "fa" ? "fa-IR-u-ca-persian-nu-arabext" : language;
const texts = JSON.parse(document.querySelector('meta[name="hub-words"]').content);
const numbers = new Intl.NumberFormat(locale, { useGrouping: false });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const thisYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const otherYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });

/** The text of a name, with its values put in. */
export function say(name, values = {}) {
  return texts[name].replace(/%\((\w+)\)s/g, (_, key) => String(values[key]));
}

export const digits = (number) => numbers.format(number);

const DIGITS = "۰۱۲۳۴۵۶۷۸۹";
const local = (text) => (language === "fa" ? text.replace(/\d/g, (digit) => DIGITS[digit]) : text);

/** How long ago; words.py says it in the same steps. */
export function age(moment, now = Date.now(), style = "") {
  const minutes = Math.floor(Math.max(0, now - moment) / 60000);
  if (minutes < 1) return say("now");
  if (minutes < 60) return say(`minutes${style}`, { n: digits(minutes) });
  if (minutes < 24 * 60) return say(`hours${style}`, { n: digits(Math.floor(minutes / 60)) });
  if (minutes < 48 * 60) return say("yesterday");
  if (minutes < 7 * 24 * 60) return say(`days${style}`, { n: digits(Math.floor(minutes / 1440)) });
  return date(moment, now);
}

/** The day, with the year only where it is another one. */
export function date(moment, now = Date.now()) {
  const same = new Date(moment).getFullYear() === new Date(now).getFullYear();
  return (same ? thisYear : otherYear).format(moment);
}

/** Minutes and seconds since a moment. */
export function counted(since, now = Date.now()) {
  const seconds = Math.floor(Math.max(0, now - since) / 1000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = clock[0] ? clock : clock.slice(1);
  return local(shown.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":"));
}

/** Bring every moment below an element up to date. */
export function refresh(root = document) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = Date.parse(time.dateTime);
    const text = age(moment, now, "ago" in time.dataset ? "_ago" : "");
    if (time.textContent !== text) time.textContent = text;
    if (!time.title) time.title = full.format(moment);
  }
}

/** Bring every running clock up to date. */
export function tick(root = document) {
  for (const time of root.querySelectorAll("time[data-since]")) time.textContent = counted(Number(time.dataset.since));
}
