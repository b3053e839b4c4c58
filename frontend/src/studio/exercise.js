// Exercises: an editor or lines to put in order, Check, the verdict, the working step by step, hints
// one by one, the solution when it is earned.

import { Code } from "./code.js";
import { keep, kept } from "./kept.js";
import { Parsons } from "./parsons.js";
import { all, config, inPageLanguage, make, t } from "./page.js";
import { mark } from "./progress.js";
import { api, ask } from "./server.js";
import { verdictOf } from "./verdict.js";

const TRIES = 3; // failed checks, with all hints read, after which the solution may be seen
const NARROW = matchMedia("(max-width: 40rem)");

export function startExercises(done) {
  for (const box of all(".exercise")) startExercise(box, done);
}

function startExercise(box, done) {
  const id = box.dataset.exercise;
  const name = `${config.slug}/${id}`;
  const verdict = box.querySelector(".exercise-verdict");
  const solution = box.querySelector(".solution");
  const hints = all(".hints > details", box);
  let failed = 0;
  let read = Math.min(done[`${id}.hints`] ?? 0, hints.length);
  let checking = false;

  const program = () => (lines.element.hidden ? code.text : lines.text);
  const check = async () => {
    if (checking) return;
    checking = true;
    button.setAttribute("aria-disabled", "true");
    verdict.className = "exercise-verdict";
    verdict.replaceChildren(make("p", { class: "note" }, t("studio.exercise.checking")));
    const checked = program();
    try {
      const answer = await ask("POST", api("check", config.slug, id), { code: checked });
      verdict.replaceChildren(verdictOf(answer), working(answer, checked));
      if (answer.unsaved) verdict.append(make("p", { class: "unsaved" }, inPageLanguage(answer.unsaved)));
      failed = answer.failed ?? failed;
      if (answer.passed) pass();
    } catch (error) {
      verdict.replaceChildren(make("p", { class: "note trouble" }, error.message));
    } finally {
      checking = false;
      button.removeAttribute("aria-disabled");
    }
    reveal();
  };
  const working = ({ tasks }, checked) => {
    const task = Math.max(0, tasks.findIndex((each) => !each.ok));
    const text = make("pre", { tabindex: 0 }, t("studio.exercise.checking"));
    const fold = make("details", { class: "working" }, make("summary", {}, t("studio.exercise.working")), text);
    const fetchIt = async () => {
      const width = Math.floor(text.clientWidth / columnOf(text)) - 2;
      try {
        const asked = { code: checked, task, width };
        text.textContent = (await ask("POST", api("working", config.slug, id), asked)).text;
      } catch (error) {
        text.textContent = error.message;
      }
    };
    fold.addEventListener("toggle", fetchIt, { once: true });
    return fold;
  };
  const pass = () => {
    box.classList.add("solved");
    mark(id, true, { saved: true });
  };
  const reveal = () => {
    hints.forEach((hint, place) => (hint.hidden = place > read));
    const earned = done[`${id}.seen`] || (failed >= TRIES && read >= hints.length);
    if (box.classList.contains("solved") || earned) solution.hidden = false;
  };
  hints.forEach((hint, place) => {
    hint.addEventListener("toggle", () => {
      if (!hint.open || place < read) return;
      read = place + 1;
      mark(`${id}.hints`, read);
      reveal();
    });
  });
  solution.addEventListener("toggle", () => {
    if (solution.open && !box.classList.contains("solved")) mark(`${id}.seen`, true);
  });

  const stub = box.querySelector(".exercise-stub");
  const code = new Code(stub, {
    id: name,
    label: t("studio.exercise.code"),
    run: check,
    changed: () => (reset.hidden = !code.isChanged),
  });
  const editor = make("div", {});
  stub.before(editor);
  editor.append(stub);
  const lines = new Parsons(box, { id: name });
  editor.after(lines.element);
  const button = make("button", { type: "button", class: "check", onclick: check }, t("course.exercise.check"));
  const reset = make("button", { type: "button", class: "reset quiet", onclick: () => code.reset() }, t("studio.run.reset"));
  const change = make("button", { type: "button", class: "change quiet", onclick: () => use(lines.element.hidden) });
  const use = (sorting) => {
    keep("form", name, sorting);
    show(sorting);
  };
  const show = (sorting) => {
    lines.element.hidden = !sorting;
    editor.hidden = sorting;
    reset.hidden = sorting || !code.isChanged;
    change.textContent = t(sorting ? "studio.exercise.typing" : "studio.exercise.lines");
  };
  show(kept("form", name) ?? (NARROW.matches && !code.isChanged)); // no keyboard: lines, not letters
  verdict.before(make("div", { class: "cell-bar" }, button, reset, change));
  if (done[id]) box.classList.add("solved");
  reveal();
}

/** How wide one sign is in a text whose signs are all alike. */
function columnOf(element) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = getComputedStyle(element).font;
  return pen.measureText("0").width;
}
