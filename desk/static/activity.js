/** What is decided, in the moment it is decided. */

import { all, ask, find, fragment, icon, isolated, make } from "./dom.js";
import { Stream } from "./live.js";
import { refresh } from "./words.js";

const KEPT = 100;
const EVERY = 20000;
const SOON = 1500; // by then a message has usually gone out
let timer = 0;
const ICONS = { sms: "message-square", email: "mail", social: "message-circle", phone: "phone" };

function line(trigger) {
  const why = trigger.agent || trigger.rule;
  return make(
    "li",
    { class: "fresh", "data-id": trigger.id },
    make("span", { class: "badge" }, icon(ICONS[trigger.channel] ?? "send")),
    make(
      "div",
      {},
      make("p", {}, isolated(trigger.subject || trigger.text)),
      make("p", { class: "source" }, isolated(why), ...(trigger.agent ? [] : [" · ", isolated(trigger.reason ?? "")])),
    ),
    make("span", { class: "work-time" }, make("time", { datetime: trigger.time })),
  );
}

/** Lists that the server renders: what a decision led to is in them a moment later. */
async function again() {
  if (document.hidden) return;
  const answer = await ask("/activity").catch(() => null);
  if (!answer?.ok) return;
  const page = fragment(await answer.text());
  for (const part of all("[data-part]")) {
    const fresh = find(`[data-part="${part.dataset.part}"]`, page);
    refresh(fresh);
    if (fresh.textContent !== part.textContent) part.replaceWith(fresh);
  }
}

export function start() {
  setInterval(again, EVERY);
  const list = find("#triggers");
  if (!list) return;
  new Stream("/api/v1/triggers/live", {
    trigger: (trigger) => {
      find(`[data-id="${CSS.escape(trigger.id)}"]`, list)?.remove();
      list.prepend(line(trigger));
      while (list.children.length > KEPT) list.lastElementChild.remove();
      find("#no-triggers").hidden = true;
      refresh(list);
      clearTimeout(timer);
      timer = setTimeout(again, SOON);
    },
    reset: ({ reason }) => { if (reason === "signed-out") location.assign("/sign-in"); },
  });
}
