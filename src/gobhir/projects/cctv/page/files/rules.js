// A camera's rules as a form, made from what the server says of their fields: nothing here knows a rule.
import { element, said, texts } from "./common.js";
import { field } from "./fields.js";

/** Fill `place` with the rules of `marks`; `changed` is told when one is another. */
export function form(place, marks, changed) {
  const open = [...place.children].map((one) => one.open);
  place.replaceChildren(...marks.rules.map((rule, index) => {
    const { title, measured, fields } = marks.kinds[rule.kind];
    const remove = element("button", { type: "button", textContent: said("remove_it", { name: title }) });
    remove.addEventListener("click", () => {
      marks.rules.splice(index, 1);
      form(place, marks, changed);
      changed();
    });
    const where = rule.zone || rule.line || texts.everywhere;
    const summary = element("summary", {}, measured ? title : said("experimental", { title }), " · ", where);
    const inputs = fields.map((wish) => field(wish, rule, `rule-${index}-${wish.name}`, changed, texts, places(wish, marks)).whole);
    return element("details", { className: "rule", open: open[index] ?? false }, summary, ...inputs, remove);
  }));
}

function places(wish, marks) {
  if (wish.name === "zone") return [["", texts.everywhere], ...marks.zones.map(({ name }) => [name, name])];
  if (wish.name === "line") return marks.lines.length ? marks.lines.map(({ name }) => [name, name]) : [["", texts.no_line]];
}
