// Predict first: the output of the next cell stays hidden until the learner has said what they
// expect (or asked to be shown). Wrong is fine; what counts is to have thought.

import { typeset } from "./maths.js";
import { latinDigits, readNumber } from "./numbers.js";
import { all, config, make, t } from "./page.js";
import { mark } from "./progress.js";

const SHOWN = "shown"; // what progress keeps for "show me"

export function startPredictions(done) {
  for (const box of all(".predict")) startPrediction(box, done[box.dataset.predict]);
}

function startPrediction(box, before) {
  const id = box.dataset.predict;
  const facts = JSON.parse(box.dataset.facts);
  const form = box.querySelector("form");
  const verdict = box.querySelector(".predict-verdict");
  const after = box.querySelector(".predict-after");
  const cell = box.dataset.hides && document.querySelector(`.cell[data-cell="${CSS.escape(box.dataset.hides)}"]`);
  const outputs = cell?.querySelector(".cell-outputs");
  const waiting = make("p", { class: "covered" }, t("studio.predict.hidden"));

  const hide = (hidden) => {
    after.hidden = hidden;
    box.closest(".block").classList.toggle("answered", !hidden);
    if (outputs) outputs.hidden = hidden;
    if (hidden) outputs?.before(waiting);
    else waiting.remove();
  };
  const tell = (given) => {
    const right = given !== SHOWN && agrees(facts, given);
    box.classList.toggle("right", right);
    verdict.className = `predict-verdict ${right ? "right" : "wrong"}`;
    verdict.textContent = given === SHOWN
      ? t("studio.predict.shown", { answer: spoken(facts, form) })
      : right ? t("course.predict.right") : t("course.predict.wrong", { answer: spoken(facts, form) });
    hide(false);
    typeset(after);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = (new FormData(form).values().next().value ?? "").trim();
    if (!given) {
      verdict.className = "predict-verdict";
      verdict.textContent = t("course.quiz.no_answer");
      return;
    }
    tell(given);
    mark(id, given);
  });
  form.querySelector(".show").addEventListener("click", () => {
    tell(SHOWN);
    mark(id, SHOWN);
  });

  if (before === undefined) return hide(true);
  fill(form, before);
  tell(String(before));
}

function fill(form, given) {
  for (const field of form.elements) {
    if (field.type === "radio") field.checked = field.value === given;
    else if (field.type === "text" && given !== SHOWN) field.value = given;
  }
}

/** Whether a prediction agrees with the answer, as far as its kind can. */
function agrees({ type, answer, tolerance }, given) {
  if (type === "number") return Math.abs(readNumber(given) - Number(answer)) <= tolerance + 1e-9;
  if (type === "text") return squeezed(given) === squeezed(String(answer));
  return given === answer;
}

const squeezed = (text) => latinDigits(text).replace(/\s+/g, "").toLowerCase();

// The answer as the page says it: a choice by its words, a number with no more digits than needed.
function spoken({ type, answer }, form) {
  if (type === "choice") {
    const radio = [...form.elements].find((field) => field.value === answer);
    return radio?.parentElement.textContent.trim() ?? answer;
  }
  return type === "number" ? String(Number(Number(answer).toPrecision(6))) : String(answer);
}
