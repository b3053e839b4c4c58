// The widget's arithmetic and its printed lines, for Python to check.
// stdin: { states: [...], lines: bool }; stdout: [{ step, lines: { name: [[row, ...], ...] } }, ...]

import { readFileSync } from "node:fs";
import { linesOf } from "../../frontend/widgets/glass/lines.js";
import { read, replay, write } from "../../frontend/widgets/glass/moves.js";
import { allNames } from "../../frontend/widgets/glass/names.js";
import { plain } from "../../frontend/widgets/glass/notation.js";
import { glassStep } from "../../frontend/widgets/glass/step.js";

const asked = JSON.parse(readFileSync(0, "utf8"));
const answers = {
  step: (state) => glassStep(state),
  lines(state) {
    const result = glassStep(state);
    const rows = (name) => linesOf(name, state, result).map((line) => line.rows.map(plain));
    return Object.fromEntries(allNames(state).map((name) => [name, rows(name)]));
  },
  replay: ({ network, moves }) => replay(network, moves).state,
  read: ({ network, address }) => read(address, network),
  write: (kept) => write(kept),
};
process.stdout.write(JSON.stringify(asked.of.map(answers[asked.what])));
