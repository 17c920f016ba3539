/** What is decided, in the moment it is decided. */

import { find, icon, isolated, make } from "./dom.js";
import { Stream } from "./live.js";
import { refresh } from "./words.js";

const KEPT = 100;
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
      make("p", { class: "source" }, isolated(why, "ltr"), trigger.reason ? " · " : "", isolated(trigger.reason ?? "")),
    ),
    make("span", { class: "work-time" }, make("time", { datetime: trigger.time })),
  );
}

export function start() {
  const list = find("#triggers");
  new Stream("/api/v1/triggers/live", {
    trigger: (trigger) => {
      find(`[data-id="${CSS.escape(trigger.id)}"]`, list)?.remove();
      list.prepend(line(trigger));
      while (list.children.length > KEPT) list.lastElementChild.remove();
      find("#no-triggers").hidden = true;
      refresh(list);
    },
    reset: ({ reason }) => { if (reason === "signed-out") location.assign("/sign-in"); },
  });
}
