// How far the learner is in this lesson: predictions made, quiz items and exercises solved.

import { all, config, count, make, t } from "./page.js";
import { api, ask } from "./server.js";

const address = api("progress", config.slug ?? "");
let done = {};
let bar = null;

/** Get what is known from the server, show it, and give it back. */
export async function startProgress() {
  bar = make("progress", { class: "lesson-progress", max: 1, value: 0, "aria-label": t("studio.progress.label") });
  document.querySelector(".top").append(bar);
  try {
    done = (await ask("GET", address)).done;
  } catch {
    done = {}; // reading goes on without it
  }
  show();
  return done;
}

/** Something was done: remember it here, and on the server unless the server knows already. */
export async function mark(part, value, { saved = false } = {}) {
  done[part] = value;
  show();
  if (saved) return;
  await ask("PUT", address, { done: { [part]: value } }).catch(() => {}); // the next visit asks again
}

function show() {
  if (!bar) return; // a page of questions from many lessons
  const parts = all("[data-predict], [data-exercise], [data-quiz]").map(
    ({ dataset }) => dataset.predict ?? dataset.exercise ?? dataset.quiz,
  );
  const share = parts.filter((part) => done[part]).length;
  bar.value = share / Math.max(parts.length, 1);
  bar.title = t("studio.progress.share", { done: count(share), all: count(parts.length) });
  bar.setAttribute("aria-valuetext", bar.title);
}
