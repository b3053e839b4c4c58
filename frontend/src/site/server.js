// The static site has no server: what the studio's server would answer, the page itself does, and
// what it would remember, this browser does. Stands in for studio/server.js in the bundle.

import { keep, kept } from "../studio/kept.js";
import { config, t } from "../studio/page.js";
import { grade } from "./grading.js";

export class Refused extends Error {}
export class Unreachable extends Error {
  constructor() {
    super(t("studio.server.unreachable"));
  }
}

export const api = (kind, ...names) => [kind, ...names].join("/");

/** What the studio would answer to a request; throws Unreachable for what needs a real server. */
export async function ask(method, address, body) {
  const [kind, slug, item] = address.split("/");
  const answer = answers[kind];
  if (!answer) throw new Unreachable();
  return answer(slug, method === "GET" ? null : body, item);
}

const NOTHING = { done: {}, minutes: 0, anchor: null };

const answers = {
  progress(slug, told) {
    const known = { ...NOTHING, ...kept("progress", slug) };
    if (!told) return known;
    const next = { ...known, ...told, done: { ...known.done, ...told.done } };
    next.minutes = Math.max(known.minutes, told.minutes ?? 0);
    keep("progress", slug, next);
    return next;
  },
  settings(_, changes) {
    const known = { ...kept("settings", "site"), ...changes };
    if (changes) keep("settings", "site", known);
    return known;
  },
  notes(slug, told) {
    const known = kept("notes", slug) ?? { text: "", version: 0, saved_at: null };
    if (!told) return known;
    const next = { text: told.text, version: known.version + 1, saved_at: Date.now() / 1000 };
    if (!keep("notes", slug, next)) throw new Unreachable();
    return next;
  },
  quiz(slug, { answer }, item) {
    const { correct, text } = grade(facts()[item], answer);
    if (correct) answers.progress(slug, { done: { [item]: true } });
    return { correct, explanation: { [config.lang]: text } }; // HTML made from the lesson
  },
};

const facts = () => JSON.parse(document.getElementById("gobhir-quiz").textContent);

/** A moving picture's module. A page that was opened from a disk may load scripts, but no modules:
 *  the script hands the module's text over, and that becomes one. */
export async function widgetModule(name) {
  await script(`${config.static}site/widgets/${name}.js`);
  const address = URL.createObjectURL(new Blob([globalThis.gobhirWidgets[name]], { type: "text/javascript" }));
  return import(address);
}

const loading = {};
export const script = (src) =>
  (loading[src] ??= new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { src, onload: resolve });
    element.onerror = () => reject(new Unreachable());
    document.head.append(element);
  }));

