// The static site's search and grading, for Python to check.
// stdin: { what, of }; stdout: one answer for each of `of`.

import { readFileSync } from "node:fs";
import { find, fold, skeleton } from "../../frontend/src/site/finding.js";
import { grade } from "../../frontend/src/site/grading.js";

const { what, of } = JSON.parse(readFileSync(0, "utf8"));
const answers = {
  fold: () => of.map(fold),
  skeleton: () => of.map(skeleton),
  find: () => of.queries.map((query) => find(query, of.items).map(({ address }) => address)),
  grade: () => of.map(([item, answer]) => grade(item, answer)),
};
process.stdout.write(JSON.stringify(answers[what]()));
