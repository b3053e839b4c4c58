// The studio's page: start here. Every page gets the theme switch; a lesson comes alive part by
// part, and each part that fails leaves the others and the text alone.

import "./style/studio.css";
import { startCells } from "./cells.js";
import { startExercises } from "./exercise.js";
import { typeset } from "./maths.js";
import { startNotes } from "./notes.js";
import { startPlace } from "./place.js";
import { startPredictions } from "./predict.js";
import { startPrint } from "./print.js";
import { startProgress } from "./progress.js";
import { startQuiz } from "./quiz.js";
import { showSandboxed } from "./sandbox.js";
import { startTerms } from "./terms.js";
import { startTheme } from "./theme.js";
import { startWidgets } from "./widgets.js";

startTheme();

if (document.body.classList.contains("recall")) {
  typeset().then(() => (document.documentElement.dataset.ready = ""));
  startQuiz({});
}

if (document.body.classList.contains("book")) typeset();

if (document.body.classList.contains("lesson")) {
  const progress = startProgress();
  const parts = [
    typeset(),
    startCells(),
    showSandboxed(),
    startWidgets(),
    startTerms(),
    startPrint(),
    startPlace(),
    startNotes(),
    progress.then((done) => {
      startPredictions(done);
      document.documentElement.dataset.practice = ""; // what is to be predicted is covered
      startQuiz(done);
      startExercises(done);
    }),
  ];
  Promise.allSettled(parts).then((ends) => {
    for (const { reason } of ends) if (reason) console.error(reason);
    document.documentElement.dataset.ready = ""; // everything that loads by itself is in place
  });
}
