// What is looked at: one step of one work. Whoever shows a part of it listens; whoever moves calls
// go(). Of many moves in a row only the last is asked for while one is under way.

const shown = [];
const moved = [];
const failed = [];
let asking = false;
let wanted = null;

export const view = {
  work: null,
  /** The step, counted from 0. */
  k: 0,
  /** How many steps there are, as far as is known. */
  steps: 1,
  /** The last answer of work.step, or null. */
  answer: null,

  /** Show another work, at step k. */
  use(work, k = 0, steps = k + 1) {
    view.work = work;
    view.steps = steps;
    return view.go(k);
  },

  /** Show step k. */
  async go(k) {
    view.k = Math.max(0, Math.min(k, view.steps - 1));
    wanted = { work: view.work, k: view.k };
    for (const listener of moved) listener(view.k);
    if (asking) return;
    asking = true;
    while (wanted) {
      const { work, k: step } = wanted;
      wanted = null;
      try {
        const answer = await work.step(step);
        if (wanted && wanted.work !== work) continue; // of the same work, what is passed by is shown
        view.answer = answer;
        view.steps = Math.max(1, answer.losses.length);
        for (const listener of shown) listener(answer, step);
      } catch (error) {
        if (wanted) continue;
        for (const listener of failed) listener(error, step);
      }
    }
    asking = false;
  },

  /** listener(answer, k) after each step that is shown. */
  shown: (listener) => shown.push(listener),
  /** listener(k) as soon as another step is asked for. */
  moved: (listener) => moved.push(listener),
  /** listener(error, k) where a step cannot be shown. */
  failed: (listener) => failed.push(listener),
};

const LOWERED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹";
/** A number for a picture: at most `digits` significant digits, a real minus sign. */
export function short(value, digits = 4) {
  if (value == null || !Number.isFinite(value)) return "∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e5)) {
    const [front, power] = value.toExponential(Math.max(0, digits - 3)).split("e");
    const raised = `${Number(power)}`.replace(/[-\d]/g, (d) => LOWERED[d === "-" ? 0 : Number(d) + 1]);
    return `${Number(front)}·10${raised}`.replace("-", "−");
  }
  return `${Number(value.toPrecision(digits))}`.replace("-", "−");
}
