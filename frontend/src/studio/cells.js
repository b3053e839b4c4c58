// Code cells: Run, Stop, Restart, and what the kernel says. One cell runs at a time; the cells
// above that have not run yet go first, so that no name is missing.

import { Code } from "./code.js";
import { questions } from "./input.js";
import { keep, kept } from "./kept.js";
import { all, config, count, make, t } from "./page.js";
import { Outputs } from "./outputs.js";

let kernel = null; // a Promise of the Kernel, from the first Run on
let queue = [];
let running = null;
const cells = [];

export function startCells() {
  for (const box of all(".cell")) cells.push(new Cell(box, cells.length + 1));
}

class Cell {
  constructor(box, number) {
    this.box = box;
    this.tags = (box.dataset.tags ?? "").split(" ");
    this.isStored = this.tags.includes("torch") && !config.torch;
    this.hasRun = false;
    this.results = box.querySelector(".cell-outputs");
    this.outputs = null;
    this.code = new Code(box.querySelector(".cell-source"), {
      id: `${config.slug}/${box.dataset.cell}`,
      label: t("studio.run.code", { number: count(number) }),
      run: () => this.run(),
      changed: () => this.show(),
    });
    this.makeBar(number);
    if (this.isStored) this.results.before(make("p", { class: "note stored" }, t("studio.run.no_torch")));
    this.show();
  }

  makeBar(number) {
    const button = (name, sentence, onclick) =>
      make("button", { type: "button", class: name, onclick, "aria-label": `${sentence} (${count(number)})` },
        make("span", { "aria-hidden": "true" }, sentence));
    this.runButton = button("run", t("studio.run.run"), () => this.run());
    this.stopButton = button("stop", t("studio.run.stop"), stop);
    this.restartButton = button("restart quiet", t("studio.run.restart"), restart);
    this.resetButton = button("reset quiet", t("studio.run.reset"), () => this.code.reset());
    this.status = make("span", { class: "cell-status", role: "status" });
    const bar = make("div", { class: "cell-bar" },
      this.runButton, this.stopButton, this.status, this.resetButton, this.restartButton);
    this.results.before(bar);
  }

  /** Bring the buttons in line with what is going on. */
  show() {
    const active = running === this || queue.includes(this);
    this.box.classList.toggle("running", running === this);
    this.runButton.hidden = active;
    this.runButton.disabled = this.isStored;
    this.stopButton.hidden = !active;
    this.resetButton.hidden = !this.code.isChanged;
    this.restartButton.hidden = kernel === null;
  }

  say(key, values) {
    this.status.textContent = key ? t(key, values) : "";
  }

  async run() {
    if (this.isStored || running === this || queue.includes(this)) return;
    const before = cells.slice(0, cells.indexOf(this));
    const missing = before.filter((cell) => !cell.hasRun && !cell.isStored && cell !== running && !queue.includes(cell));
    queue.push(...missing, this);
    for (const cell of [...missing, this]) cell.say("studio.run.waiting");
    const hadFocus = this.runButton === document.activeElement;
    showAll();
    if (hadFocus) this.stopButton.focus();
    if (!running) await work();
    if (hadFocus && document.activeElement === document.body) this.runButton.focus();
  }

  /** Run this cell on the kernel; true when the cells after it may go on. */
  async execute() {
    this.box.setAttribute("aria-busy", "true");
    try {
      if (!kernel) this.say("studio.run.starting");
      const live = await openKernel();
      if (running !== this) return false; // stopped while the kernel was starting
      this.say("studio.run.running");
      const since = performance.now();
      this.results.classList.add("live");
      this.outputs = new Outputs(this.results, live);
      const status = await live.run(
        this.code.text,
        (type, content) => this.outputs.hear(type, content),
        questions(this.results, this.outputs, (key) => this.say(key)),
      );
      this.hasRun = true;
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      const done = this.results.hidden ? "studio.run.predict" : "studio.run.done";
      this.say(status === "ok" ? done : "studio.run.failed", { seconds });
      return status === "ok" || this.tags.includes("raises");
    } catch (error) {
      this.trouble(error);
      return false;
    } finally {
      this.box.removeAttribute("aria-busy");
      all(".cell-input", this.results).forEach((form) => form.remove());
    }
  }

  trouble(error) {
    // keys: studio.lost.*
    const lost = error.why && `studio.lost.${error.why}`;
    this.say(lost ?? "studio.run.no_kernel");
    if (lost) return;
    kernel = null;
    this.results.prepend(make("p", { class: "note trouble" }, error.message));
  }
}

const showAll = () => cells.forEach((cell) => cell.show());

async function work() {
  while ((running = queue.shift() ?? null)) {
    showAll();
    const goOn = await running.execute();
    if (!goOn) empty();
  }
  showAll();
}

function empty() {
  for (const cell of queue) cell.say(null);
  queue = [];
}

function openKernel() {
  kernel ??= import("./kernel.js").then(async (chunk) => {
    const live = await chunk.openKernel(forget);
    // Another lesson ran on this kernel: begin with clean names.
    const last = kept("kernel", "last");
    if (last?.id === live.id && last.slug !== config.slug) await live.restart();
    keep("kernel", "last", { id: live.id, slug: config.slug });
    return live;
  });
  return kernel;
}

function forget(why) {
  kernel = null;
  for (const cell of cells) cell.hasRun = false;
  (running ?? cells.find((cell) => cell.outputs))?.say(`studio.lost.${why}`);
  showAll();
}

async function stop() {
  const stopped = running;
  const wasStarting = !stopped?.outputs || !kernel;
  empty();
  stopped?.say("studio.run.stopping");
  try {
    const live = await kernel;
    if (running !== stopped || !stopped) return;
    await live.interrupt();
  } catch {
    return; // the run itself says what went wrong
  }
  if (wasStarting) return;
  setTimeout(() => running === stopped && stopped.say("studio.run.unstoppable"), 6000);
}

async function restart() {
  empty();
  const here = running ?? cellAround(document.activeElement);
  here?.say("studio.run.restarting");
  try {
    await (await kernel)?.restart();
    for (const cell of cells) {
      cell.hasRun = false;
      if (cell !== here) cell.say(null);
    }
    here?.say("studio.run.restarted");
  } catch (error) {
    here?.trouble(error);
  }
  showAll();
}

function cellAround(element) {
  return cells.find((cell) => cell.box.contains(element));
}
