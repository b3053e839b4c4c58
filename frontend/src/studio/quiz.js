// Quiz items: the server grades, the page shows why, for right and for wrong answers.

import { typeset } from "./maths.js";
import { all, inPageLanguage, make, t } from "./page.js";
import { mark } from "./progress.js";
import { api, ask } from "./server.js";

export function startQuiz(done) {
  for (const item of all(".quiz-item")) startItem(item, Boolean(done[item.dataset.quiz]));
}

function startItem(item, solved) {
  const { quiz: id, type } = item.dataset;
  const button = item.querySelector(".quiz-check");
  const explanation = item.querySelector(".quiz-explanation");
  const slug = item.closest("[data-slug]").dataset.slug;
  if (type === "order") startOrder(item);
  if (solved) item.classList.add("solved");

  const check = async () => {
    const answer = given(item, type);
    if (answer === null) return say("", t("course.quiz.no_answer"));
    button.disabled = true;
    try {
      const graded = await ask("POST", api("quiz", slug, id), { answer });
      item.classList.toggle("solved", graded.correct);
      say(graded.correct ? "right" : "wrong", null, graded);
      if (graded.correct) mark(id, true, { saved: true });
    } catch (error) {
      say("trouble", error.message);
    } finally {
      button.disabled = false;
    }
  };
  const say = (kind, text, graded) => {
    explanation.className = `quiz-explanation ${kind}`;
    explanation.replaceChildren(text ?? make("strong", {}, t(`studio.quiz.${kind}`))); // keys: studio.quiz.*
    if (!graded) return;
    const words = make("span", {});
    words.innerHTML = ` ${inPageLanguage(graded.explanation)}`; // made by our own server from the lesson
    explanation.append(words);
    if (graded.unsaved) explanation.append(make("p", { class: "unsaved" }, inPageLanguage(graded.unsaved)));
    typeset(explanation);
  };
  button.addEventListener("click", check);
  item.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      check();
    }
  });
}

/** The answer as the server wants it; null where there is none yet. */
function given(item, type) {
  if (type === "order") return all("li", item).map((row) => Number(row.dataset.value));
  const field = item.querySelector(type === "number" ? "input" : "input:checked");
  return field && field.value.trim() ? (type === "number" ? field.value.trim() : Number(field.value)) : null;
}

function startOrder(item) {
  const list = item.querySelector("ol");
  const status = make("p", { class: "visually-hidden", role: "status" });
  list.after(status);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const row = button?.closest("li");
    if (!row) return;
    if (button.matches(".up")) row.previousElementSibling?.before(row);
    else row.nextElementSibling?.after(row);
    button.focus();
    const place = [...list.children].indexOf(row) + 1;
    status.textContent = t("studio.quiz.place", { place, count: list.children.length });
  });
}
