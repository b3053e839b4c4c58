// What a learner has set: the knobs' values, and how they stand in the page's address:
// #descent=on:bowl~lr:0.2

/** Whether the knob can have this value. */
export function fits(knob, value) {
  if (knob.kind === "choice") return knob.options.includes(value);
  if (typeof value !== "number" || !(value >= knob.low && value <= knob.high)) return false;
  return knob.kind !== "steps" || Number.isInteger(value);
}

/** The knobs' own values, with whatever the wish holds that makes sense. */
export function sane(knobs, wish) {
  const own = (knob) => Object.hasOwn(wish ?? {}, knob.name) && fits(knob, wish[knob.name]);
  return Object.fromEntries(knobs.map((knob) => [knob.name, own(knob) ? wish[knob.name] : knob.value]));
}

/** Whether the knob has a meaning now: only: ["on", "bowl"] has one where `on` is "bowl". */
export function matters({ only }, state) {
  return !only.length || only.slice(1).includes(state[only[0]]);
}

/** What differs from the start, as it stands in the address; null where nothing does. */
export function write(knobs, state) {
  const changed = knobs.filter(({ name, value }) => state[name] !== value);
  return changed.length ? changed.map(({ name }) => `${name}:${state[name]}`).join("~") : null;
}

/** What `write` wrote, back again; what cannot be read keeps its start. */
export function read(knobs, written) {
  const pairs = written.slice(0, 2000).split("~").map((part) => part.split(":"));
  const wish = {};
  for (const knob of knobs) {
    const text = pairs.findLast(([name]) => name === knob.name)?.[1] ?? "";
    if (knob.kind === "choice") wish[knob.name] = text;
    else if (/^-?\d+(\.\d+)?(e-?\d+)?$/.test(text)) wish[knob.name] = Number(text);
  }
  return sane(knobs, wish);
}

/** The nearest value that the knob's slider has. */
export function snapped(knob, value) {
  const { low, high, step } = knob;
  const near = low + Math.round((value - low) / step) * step;
  return Math.min(high, Math.max(low, Number(near.toFixed(6))));
}
