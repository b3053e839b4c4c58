// A verdict as the exercise runner says it: which task and the exact call; yours and wanted
// aligned; one cause; the working by hand; where. The first wrong task in full.

import { count, make, t } from "./page.js";
import { rich } from "./rich.js";

export function verdictOf({ passed, tasks, printed }) {
  const wrong = tasks.find((task) => !task.ok);
  const right = tasks.filter((task) => task.ok).length;
  const summary = passed
    ? t("course.verdict.all_right", { count: count(tasks.length) })
    : t("course.verdict.passed", { passed: count(right), count: count(tasks.length) });
  return make(
    "div",
    { class: `verdict ${passed ? "right" : "wrong"}` },
    make("p", { class: "verdict-summary" }, summary),
    make("ol", {}, ...tasks.map((task, place) => line(task, place, tasks.length, task === wrong))),
    printed
      ? make("details", {}, make("summary", {}, t("studio.exercise.printed")), make("pre", {}, printed))
      : null,
  );
}

function line(task, place, all, inFull) {
  const name = t("course.verdict.task", { number: count(place + 1), count: count(all) });
  const mark = make("span", { class: "mark", role: "img", "aria-label": t(task.ok ? "studio.quiz.right" : "studio.quiz.wrong") },
    task.ok ? "✓" : "✗");
  return make("li", { class: task.ok ? "right" : "wrong" },
    make("p", {}, mark, " ", name, " · ", make("code", {}, task.call)),
    inFull ? facts(task) : null);
}

function facts(task) {
  const tolerance = task.tolerance ? `   (±${task.tolerance})` : "";
  const rows = [
    [t("course.verdict.got"), task.got, "value"],
    [t("course.verdict.want"), task.want && task.want + tolerance, "value"],
    [t("course.verdict.difference"), task.cause && rich(task.cause), "cause"],
    [t("course.verdict.by_hand"), task.by_hand && rich(task.by_hand), "by-hand"],
    [t("course.verdict.where"), task.where, ""],
  ];
  const list = make("dl", {});
  for (const [label, fact, kind] of rows) {
    if (fact) list.append(make("dt", {}, label), make("dd", { class: kind }, fact));
  }
  if (!task.trace) return list;
  const trace = make("pre", { tabindex: 0 }, task.trace);
  return make("div", {}, list, make("details", {}, make("summary", {}, t("studio.run.traceback")), trace));
}
