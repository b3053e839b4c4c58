// Check my work: the numbers of a hand calculation, filled in line by line or written as text. The
// text is what counts, is checked and is kept in this browser; the fields write into its lines.

import { keep, kept } from "../studio/kept.js";
import { all, make, t } from "../studio/page.js";
import { reachable, shaped } from "../studio/derivation.js";

const MOST_DRAFTS = 20; // the newest, of all networks and steps
const ROOM = 100_000; // characters

/** Fill `box`; `view` shows the step that is checked against. */
export function startCheck(box, view) {
  const text = make("textarea", {
    id: "check-text", rows: "8", maxlength: ROOM, placeholder: "z1_1 = 0.14\na1_1 = 0.53",
    spellcheck: "false", autocapitalize: "off", autocomplete: "off",
  });
  const fields = make("form", { class: "fields", novalidate: true });
  const report = make("div", { class: "report", tabindex: "-1" });
  const status = make("span", { role: "status", class: "cell-status" });
  const button = make("button", { type: "button", onclick: check }, t("play.check.button"));
  const clear = make("button", { type: "button", class: "quiet", onclick: empty }, t("play.check.clear"));
  const fold = make("details", { class: "fold" },
    make("summary", {}, make("h2", {}, t("play.check.title"))),
    make("p", { class: "hint" }, t("play.check.hint")),
    fields,
    make("details", {},
      make("summary", {}, t("play.check.as_text")),
      make("label", { for: text.id, class: "hint" }, t("play.check.text_hint")),
      text),
    make("p", { class: "cell-bar" }, button, clear, status),
    report);
  box.append(fold);

  let place = null; // the work and the step that is shown
  let asked = null; // the one whose lines are in the form
  let work = null;
  fold.addEventListener("toggle", load);
  view.shown((_, k) => {
    const next = `${view.work.id}/${k}`;
    if (next === place && work === view.work) return;
    work = view.work;
    place = next;
    asked = null;
    text.value = kept("check", place) ?? "";
    report.replaceChildren();
    load();
  });
  text.addEventListener("input", () => {
    save();
    fillIn();
    unmark(inputs());
  });
  fields.addEventListener("input", ({ target }) => {
    text.value = written(text.value, target.name, target.value);
    save();
    unmark([target]);
  });
  fields.addEventListener("submit", (event) => event.preventDefault());
  fields.addEventListener("keydown", next);

  const inputs = () => all("input", fields);

  /** Put the lines of the step that is shown into the form, once it is open. */
  async function load() {
    if (!fold.open || asked === place) return;
    const mine = (asked = place);
    fields.replaceChildren(make("p", { class: "hint" }, t("play.check.loading")));
    try {
      const { html } = await view.work.blanks(view.k);
      if (asked !== mine) return;
      fields.replaceChildren(shaped(html));
      reachable(fields);
      fillIn();
    } catch (error) {
      if (asked === mine) fields.replaceChildren(make("p", { class: "hint" }, error.message));
    }
  }

  function fillIn() {
    const values = read(text.value);
    for (const field of inputs()) field.value = values.get(field.name) ?? "";
  }

  async function check() {
    const mine = place;
    status.textContent = t("play.check.checking");
    try {
      const { html, marks } = await view.work.check(view.k, text.value);
      if (place !== mine) return;
      mark(marks);
      report.replaceChildren(shaped(html));
      reachable(report);
    } catch (error) {
      report.replaceChildren(make("p", { class: "trouble", role: "alert" }, error.message));
    }
    status.textContent = "";
    report.focus();
  }

  function mark(marks) {
    unmark(inputs());
    for (const field of inputs()) {
      const [state, said] = marks[field.name] ?? [];
      if (!state) continue;
      field.parentElement.dataset.mark = state;
      field.setAttribute("aria-invalid", `${state === "wrong"}`);
      field.after(make("span", { class: "mark" }, said));
    }
  }

  function empty() {
    text.value = "";
    save();
    fillIn();
    unmark(inputs());
    report.replaceChildren();
  }

  function save() {
    keepNewest(place, text.value.trim() ? text.value : null);
  }

  // Enter goes on to the next field, as it does on paper.
  function next(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    const all = inputs();
    (all[all.indexOf(event.target) + 1] ?? button).focus();
  }
}

function unmark(fields) {
  for (const field of fields) {
    delete field.parentElement.dataset.mark;
    field.removeAttribute("aria-invalid");
    all(".mark", field.parentElement).forEach((said) => said.remove());
  }
}

const LINE = /^\s*([^=\s][^=]*?)\s*=\s*(?:.*=\s*)?(.*?)\s*$/;

/** What stands on the lines: name to value, of a chain the last one. */
function read(text) {
  return new Map(text.split("\n").map((line) => LINE.exec(line)?.slice(1)).filter(Boolean));
}

/** The text with another value on the line of that name; without that line, where there is none. */
function written(text, name, value) {
  const lines = text.split("\n").filter((line) => line.trim());
  const found = lines.findIndex((line) => LINE.exec(line)?.[1] === name);
  const line = value.trim() ? [`${name} = ${value}`] : [];
  lines.splice(found < 0 ? lines.length : found, found < 0 ? 0 : 1, ...line);
  return lines.join("\n");
}

function keepNewest(place, text) {
  const others = (kept("check", "newest") ?? []).filter((other) => other !== place);
  const newest = text == null ? others : [...others, place];
  for (const old of newest.splice(0, newest.length - MOST_DRAFTS)) keep("check", old, null);
  keep("check", "newest", newest);
  keep("check", place, text);
}
