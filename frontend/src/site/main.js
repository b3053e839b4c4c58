// The static site's page: the studio's own parts, without what needs a server (code that runs, and
// the checking of programs).

import { kept } from "../studio/kept.js";
import { typeset } from "../studio/maths.js";
import { startNotes } from "../studio/notes.js";
import { all, count, t } from "../studio/page.js";
import { startPredictions } from "../studio/predict.js";
import { startPrint } from "../studio/print.js";
import { startProgress } from "../studio/progress.js";
import { startQuiz } from "../studio/quiz.js";
import { startTerms } from "../studio/terms.js";
import { startTheme } from "../studio/theme.js";
import { startWidgets } from "../studio/widgets.js";
import { startSearch } from "./search.js";

document.documentElement.dataset.theme = kept("settings", "site")?.theme ?? "auto";
startTheme();
const is = (kind) => document.body.classList.contains(kind);
if (is("home")) showShares();
if (is("book")) {
  typeset();
  startSearch();
}
if (is("lesson")) startLesson();

async function startLesson() {
  for (const solution of all(".solution[hidden]")) solution.hidden = false; // nobody checks here
  const done = await startProgress();
  startPredictions(done);
  document.documentElement.dataset.practice = "";
  startQuiz(done);
  for (const start of [startWidgets, startTerms, startPrint, startNotes]) start();
  await typeset();
  document.documentElement.dataset.ready = "";
}

function showShares() {
  for (const day of all(".day[data-parts]")) {
    const known = kept("progress", day.dataset.slug);
    if (!known) continue;
    const parts = day.dataset.parts.split(" ");
    const share = parts.filter((part) => known.done[part]).length / parts.length;
    day.dataset.level = Math.min(4, 1 + Math.floor(share * 3));
    day.querySelector(".day-state").textContent = t("studio.home.share", { percent: count(Math.round(share * 100)) });
  }
}
