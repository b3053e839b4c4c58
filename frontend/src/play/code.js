// A program of one's own, run in the learner's kernel while Gobhir looks on. What it printed stands
// under it; its training steps are shown below, where those of the page's own networks are.

import { Code } from "../studio/code.js";
import { failure } from "../studio/failure.js";
import { keep, kept } from "../studio/kept.js";
import { questions } from "../studio/input.js";
import { Outputs } from "../studio/outputs.js";
import { all, config, count, make, t } from "../studio/page.js";
import { EXAMPLES } from "./examples.js";

const LONGEST = 20_000; // characters of a program in a link
const MODULE = '__import__("gobhir.studio.pasted", fromlist=["run"])';

/** Fill `box`. `view` shows what a program did; `given`: the program that came with the link.
    Returns what shows the last one's steps again. */
export function startCode(box, view, given = null) {
  const pre = make("pre", { class: "cell-source" }, make("code", {}, given ?? EXAMPLES.gobhir));
  const results = make("div", { class: "cell-outputs live" });
  const status = make("span", { class: "cell-status", role: "status" });
  const button = (name, key, onclick) => make("button", { type: "button", class: name, onclick }, t(key));
  const runButton = button("run", "studio.run.run", () => run());
  const stopButton = button("stop", "studio.run.stop", stop);
  const bar = make("div", { class: "cell-bar" }, runButton, stopButton, status);
  const begin = make("p", { class: "begin" }, `${t("play.code.begin")} `,
    ...Object.keys(EXAMPLES).map((name) => button("quiet", `play.code.example.${name}`, () => put(EXAMPLES[name]))));
  // keys: play.code.example.*
  const link = make("p", { class: "cell-bar" }, button("quiet", "play.code.link", copyLink),
    make("span", { class: "cell-status", role: "status", id: "code-linked" }));
  box.append(make("p", { class: "hint" }, t("play.code.hint")), begin,
    given == null ? "" : make("p", { class: "notice", role: "note" }, t("play.code.came")),
    make("div", { class: "cell" }, pre, bar, results), link);

  let code = new Code(pre, {
    id: given == null ? "playground" : `playground/${nameOf(given)}`,
    label: t("play.code.label"),
    run: () => run(),
    changed: () => again.remove(),
  });
  let kernel = null; // a Promise of the Kernel, from the first Run on
  let running = null;
  let work = null;
  const again = make("p", { class: "notice", role: "note" }, `${t("play.code.ran")} `,
    button("quiet", "play.code.again", lookAgain));
  if (kept("play", "ran")?.program === nameOf(code.text)) box.querySelector(".cell").before(again);
  view.moved((k) => view.work === work && work && keep("play", "ran", { program: work.program, step: k }));
  show();

  function show() {
    runButton.hidden = running != null;
    stopButton.hidden = running == null;
  }

  function say(key, values) {
    status.textContent = key ? t(key, values) : "";
  }

  /** What ran before the page was loaded again: the kernel may still hold its steps. */
  async function lookAgain() {
    const { step } = kept("play", "ran");
    again.hidden = true;
    say("play.code.reading");
    try {
      const live = await openKernel();
      const seen = await live.value(asked({ do: "seen" }));
      if (running) return;
      if (seen.code !== code.text || !seen.steps) return await run(step);
      say();
      again.remove();
      look(kernelWork(live, seen), step);
    } catch (error) {
      again.hidden = false;
      trouble(error);
    }
  }

  /** Run the program, and show a step of it: the first one that can be. */
  async function run(step) {
    if (running) return;
    const mine = (running = { outputs: null });
    again.remove();
    look(null);
    results.replaceChildren();
    show();
    stopButton.focus();
    try {
      if (!kernel) say("studio.run.starting");
      const live = await openKernel();
      if (running !== mine) return;
      say("studio.run.running");
      const since = performance.now();
      mine.outputs = new Outputs(results, live);
      await live.run(
        `${MODULE}.run(${JSON.stringify(code.text)})`,
        (type, content) => mine.outputs.hear(type, content),
        questions(results, mine.outputs, say),
      );
      say("play.code.reading");
      const seen = await live.value(asked({ do: "seen" }));
      told(seen, mine.outputs, ((performance.now() - since) / 1000).toFixed(1));
      if (seen.steps) look(kernelWork(live, seen), step);
    } catch (error) {
      trouble(error);
    } finally {
      if (running === mine) running = null;
      all(".cell-input", results).forEach((form) => form.remove());
      const hadFocus = document.activeElement === stopButton;
      show();
      if (hadFocus || document.activeElement === document.body) runButton.focus({ preventScroll: true });
    }
  }

  /** Show the steps of a program below; of none, nothing stands there. */
  function look(next, step = 0) {
    work = next;
    box.parentElement.dataset.seen = work ? "steps" : "nothing";
    if (work) view.use(work, Math.max(work.first, step), work.steps);
  }

  function told(seen, outputs, seconds) {
    const { ended, trouble: why, steps, message } = seen;
    // keys: play.code.ended.*
    say(`play.code.ended.${ended}`, { seconds: count(seconds), steps: count(steps) });
    if (ended === "interrupted") outputs.add(make("p", { class: "output note" }, t("studio.run.stopped")));
    if (why) outputs.add(failure(why));
    const missing = why?.name === "ModuleNotFoundError" && /'(torch|keras|tensorflow)'/.exec(why.says);
    if (missing) outputs.add(make("p", { class: "output note" }, t("play.code.no_framework", { name: missing[1] })));
    if (seen.first) outputs.add(make("p", { class: "output note" }, t("play.code.first", { step: count(seen.first + 1) })));
    if (message && !why) outputs.add(make("p", { class: "output note" }, message[config.lang]));
  }

  function trouble(error) {
    // keys: studio.lost.*
    const lost = error.why && `studio.lost.${error.why}`;
    if (!lost) kernel = null;
    say(lost ?? "studio.run.no_kernel");
    if (!lost) results.prepend(make("p", { class: "note trouble" }, error.message));
  }

  function openKernel() {
    kernel ??= import("../studio/kernel.js").then((chunk) => chunk.openKernel((why) => {
      kernel = null;
      look(null);
      say(`studio.lost.${why}`);
    }));
    return kernel;
  }

  async function stop() {
    const stopped = running;
    if (!stopped) return;
    say("studio.run.stopping");
    if (!stopped.outputs) {
      running = null;
      show();
      return say("studio.run.stopped");
    }
    try {
      await (await kernel).interrupt();
    } catch {
      return; // the run itself says what went wrong
    }
    setTimeout(() => running === stopped && say("studio.run.unstoppable"), 6000);
  }

  /** Put an example in the place of what stands there; what was written can be brought back. */
  async function put(text) {
    await code.edit();
    code.editor.setText(text);
  }

  async function copyLink() {
    const told = document.getElementById("code-linked");
    if (code.text.length > LONGEST) {
      told.textContent = t("play.code.too_long", { most: count(LONGEST) });
      return;
    }
    const address = new URL(`#code=${packed(code.text)}`, location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      told.textContent = t("play.page.linked");
    } catch {
      history.replaceState(null, "", address);
      told.textContent = t("play.page.unlinked");
    }
  }

  return () => look(work, work && kept("play", "ran")?.step);
}

// So that drafts of programs from different links do not mix.
const nameOf = (text) => [...text].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) >>> 0, 7).toString(36);

const asked = (request) => `${MODULE}.answer(${JSON.stringify(JSON.stringify(request))})`;

/** Questions about the steps of the program that ran last in this kernel (studio/pasted.py). */
function kernelWork(kernel, { steps, first, code }) {
  const about = async (what, step, rest) => {
    const answer = await kernel.value(asked({ do: what, step, lang: config.lang, ...rest }));
    if (answer.message) throw new Error(answer.message[config.lang]);
    return answer;
  };
  return {
    id: `code/${nameOf(code)}`,
    program: nameOf(code),
    steps,
    first,
    step: (k) => about("step", k),
    why: (k, name) => about("why", k, { name }),
    blanks: (k) => about("blanks", k),
    check: (k, text) => about("check", k, { text }),
    take: (k, form) => about("take", k, { form }),
  };
}

/** A program as a part of an address, and back; null for what is none. */
export function packed(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function unpacked(part) {
  try {
    const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}
