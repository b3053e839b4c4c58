// Where the numbers are worked out: on the studio's server, for a state made by touch. The kernel's
// own (code.js) answers the same questions.

import { api, ask } from "../studio/server.js";
import { config } from "../studio/page.js";

/** Questions about the steps of this state; `id` names it. All promises (studio/desk.py). */
export function serverWork(state, id) {
  const about = (what, step, rest) => ask("POST", api("play", what), { state, step, lang: config.lang, ...rest });
  return {
    id,
    planned: state.steps, // the training ends earlier where the loss is no number any more
    step: (k) => about("step", k),
    why: (k, name) => about("why", k, { name }),
    blanks: (k) => about("blanks", k),
    check: (k, text) => about("check", k, { text }),
    take: (k, form) => about("take", k, { form }),
  };
}
