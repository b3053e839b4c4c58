// Quiz answers judged in the browser, as `judge` in course/quiz.py does: by `facts` of grading.py.

import { readNumber } from "../studio/numbers.js";

/** {correct, text}: whether the answer is right, and what to say, as HTML. */
export function grade(item, answer) {
  const said = (correct, text) => ({ correct, text });
  if (item.type === "order") {
    const right = answer.every((place, k) => place === k);
    return said(right, right ? item.explain : item.otherwise);
  }
  if (item.type !== "number") return said(item.options[answer].correct, item.options[answer].explain);
  const given = readNumber(String(answer));
  const near = (value) => Math.abs(given - value) <= item.tolerance + 1e-9;
  if (near(item.value)) return said(true, item.explain);
  return said(false, item.options.find(({ value }) => near(value))?.explain ?? item.otherwise);
}
