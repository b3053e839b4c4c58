// A camera's rules as a form, made from what the server says of their fields: nothing here knows a rule.
import { element, said, texts } from "./common.js";

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
    const inputs = fields.map((field) => one(field, rule, marks, changed, `rule-${index}-${field.name}`));
    return element("details", { className: "rule", open: open[index] ?? false }, summary, ...inputs, remove);
  }));
}

const option = (value, text) => element("option", { value, textContent: text });

function one(field, rule, marks, changed, id) {
  const value = rule[field.name];
  let input;
  const choices = chosen(field, marks);
  if (choices) {
    input = element("select", { id }, ...choices.map(([known, text]) => option(known, text)));
    input.value = field.kind === "bool" ? JSON.stringify(value) : value;
  } else {
    input = element("input", { id, value: value ?? "", autocomplete: "off", required: field.kind !== "str" });
    if (field.kind !== "str") {
      Object.assign(input, { type: "number", min: field.low ?? "", max: field.high ?? "", step: field.kind === "int" ? 1 : "any" });
    }
  }
  const help = element("p", { className: "muted", id: `${id}-help`, textContent: field.help });
  if (field.kind === "int" || field.kind === "float") help.append(` (${field.low} – ${field.high})`);
  input.setAttribute("aria-describedby", help.id);
  // Not "change", which comes with the press on "Save", and would move that away below the finger.
  input.addEventListener("input", () => {
    rule[field.name] = read(field, input.value);
    input.setAttribute("aria-invalid", String(!input.checkValidity()));
    changed();
  });
  return element("div", { className: "field" }, element("label", { htmlFor: id }, element("code", { textContent: field.name }), input), help);
}

function chosen(field, marks) {
  if (field.name === "zone") return [["", texts.everywhere], ...marks.zones.map(({ name }) => [name, name])];
  if (field.name === "line") return marks.lines.length ? marks.lines.map(({ name }) => [name, name]) : [["", texts.no_line]];
  if (field.kind === "bool") return [...(field.optional ? [["null", texts.as_measured]] : []), ["true", texts.on], ["false", texts.off]];
  return field.choices.length ? field.choices.map((word) => [word, word]) : null;
}

/** What is sent; what is no number goes as text, and the server says what was expected. */
function read(field, text) {
  if (field.kind === "bool") return JSON.parse(text);
  if (field.kind === "str" || text.trim() === "" || !Number.isFinite(Number(text))) return text;
  return Number(text);
}
