// One field of a form, made from what the server says of it: nothing here knows a rule or a setting.
import { element } from "./common.js";

const option = ([value, text]) => element("option", { value, textContent: text });

/** `values[wish.name]` with its label, its explanation, and a place for what is wrong with it.
    words: what a yes or no is called; choices: [value, text], where there are some. */
export function field(wish, values, id, changed, words, choices = chosen(wish, words)) {
  const value = values[wish.name];
  let input;
  if (choices) {
    input = element("select", { id }, ...choices.map(option));
    input.value = wish.kind === "bool" ? JSON.stringify(value) : value;
  } else {
    input = element("input", { id, value: value ?? "", autocomplete: "off", placeholder: wish.none, required: wish.kind !== "str" && !wish.optional });
    if (wish.kind === "str") Object.assign(input, { spellcheck: false, autocapitalize: "none" });
    else Object.assign(input, { type: "number", min: wish.low ?? "", max: wish.high ?? "", step: wish.kind === "int" ? 1 : "any" });
  }
  const help = element("p", { className: "muted", id: `${id}-help`, textContent: wish.help });
  if (wish.kind === "int" || wish.kind === "float") help.append(" ", element("span", { className: "together", textContent: `(${wish.low} – ${wish.high})` }));
  const wrong = element("p", { className: "wrong", id: `${id}-wrong` });
  input.setAttribute("aria-describedby", `${help.id} ${wrong.id}`);
  // Not "change", which comes with the press on "Save", and would move that away below the finger.
  input.addEventListener("input", () => {
    values[wish.name] = read(wish, input.value);
    input.setAttribute("aria-invalid", String(!input.checkValidity()));
    wrong.textContent = "";
    changed();
  });
  const label = element("label", { htmlFor: id }, element("code", { textContent: wish.name }));
  const whole = element("div", { className: "field" }, label, input, help, wrong);
  if (wish.suggest) {
    whole.append(element("datalist", { id: `${id}-known` }, ...wish.suggest.map((word) => option([word, ""]))));
    input.setAttribute("list", `${id}-known`);
  }
  const refuse = (sentence) => {
    wrong.textContent = sentence;
    input.setAttribute("aria-invalid", "true");
    for (let at = whole.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    input.focus();
  };
  return { whole, refuse };
}

function chosen(wish, words) {
  if (wish.kind === "bool") return [...(wish.optional ? [["null", wish.none]] : []), ["true", words.on], ["false", words.off]];
  return wish.choices.length ? wish.choices.map((word) => [word, word]) : null;
}

/** What is sent; what is no number goes as text, and the server says what was expected. */
function read(wish, text) {
  if (wish.kind === "bool") return JSON.parse(text);
  if (wish.optional && text.trim() === "") return null;
  if (wish.kind === "str" || text.trim() === "" || !Number.isFinite(Number(text))) return text;
  return Number(text);
}
