// Exercises: an editor, Check, the verdict, hints one by one, the solution when it is earned.

import { Code } from "./code.js";
import { all, config, count, inPageLanguage, make, t } from "./page.js";
import { mark } from "./progress.js";
import { api, ask } from "./server.js";
import { verdictOf } from "./verdict.js";

const TRIES = 3; // failed checks, with all hints read, after which the solution may be seen

export function startExercises(done) {
  for (const box of all(".exercise")) startExercise(box, Boolean(done[box.dataset.exercise]));
}

function startExercise(box, solved) {
  const id = box.dataset.exercise;
  const verdict = box.querySelector(".exercise-verdict");
  const solution = box.querySelector(".solution");
  const hints = all(".hints > details", box);
  let failures = 0;
  let checking = false;

  const check = async () => {
    if (checking) return;
    checking = true;
    button.setAttribute("aria-disabled", "true");
    verdict.className = "exercise-verdict";
    verdict.replaceChildren(make("p", { class: "note" }, t("studio.exercise.checking")));
    try {
      const answer = await ask("POST", api("check", config.slug, id), { code: code.text });
      verdict.replaceChildren(verdictOf(answer));
      if (answer.unsaved) verdict.append(make("p", { class: "unsaved" }, inPageLanguage(answer.unsaved)));
      if (answer.passed) pass();
      else failures += 1;
    } catch (error) {
      verdict.replaceChildren(make("p", { class: "note trouble" }, error.message));
    } finally {
      checking = false;
      button.removeAttribute("aria-disabled");
    }
    reveal();
  };
  const pass = () => {
    box.classList.add("solved");
    mark(id, true, { saved: true });
  };
  const reveal = () => {
    hints.forEach((hint, place) => (hint.hidden = place > 0 && !hints[place - 1].wasRead));
    const earned = failures >= TRIES && hints.every((hint) => hint.wasRead);
    if (box.classList.contains("solved") || earned) solution.hidden = false;
  };
  for (const hint of hints) {
    hint.addEventListener("toggle", () => {
      hint.wasRead ||= hint.open;
      reveal();
    });
  }

  const code = new Code(box.querySelector(".exercise-stub"), {
    id: `${config.slug}/${id}`,
    label: t("studio.exercise.code"),
    run: check,
    changed: () => (reset.hidden = !code.isChanged),
  });
  const button = make("button", { type: "button", class: "check", onclick: check }, t("course.exercise.check"));
  const reset = make("button", { type: "button", class: "reset quiet", onclick: () => code.reset() }, t("studio.run.reset"));
  reset.hidden = !code.isChanged;
  verdict.before(make("div", { class: "cell-bar" }, button, reset));
  if (solved) box.classList.add("solved");
  reveal();
}
