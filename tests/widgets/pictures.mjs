// The scenes of the moving pictures and their drawings, for Python to check.
// stdin: { name, what: "scene" | "draw" | "read" | "write", of: [...] }; stdout: the answers.

import { readFileSync } from "node:fs";
import { draw } from "../../frontend/widgets/moving/draw.js";
import { read, write } from "../../frontend/widgets/moving/state.js";

const { name, what, of } = JSON.parse(readFileSync(0, "utf8"));
const { scene } = await import(`../../frontend/widgets/pictures/${name}.js`);
const answers = {
  scene: ({ state, given }) => scene(state, given),
  draw: ({ plot, width, strings }) => draw(plot, width, strings),
  read: ({ knobs, address }) => read(knobs, address),
  write: ({ knobs, state }) => write(knobs, state),
};
process.stdout.write(JSON.stringify(of.map(answers[what])));
