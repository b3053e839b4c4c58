// The API, from its own description: nothing here knows the model.
const { lang, texts } = JSON.parse(document.getElementById("settings").textContent);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const pretty = (value) => element("pre", { textContent: JSON.stringify(value, null, 2) });
const folded = (title, ...inside) => element("details", {}, element("summary", { textContent: title }), ...inside);

function table(head, rows) {
  const line = (cells, kind) => element("tr", {}, ...cells.map((c) => element(kind, { textContent: c })));
  return element("div", { className: "scroll" }, element("table", {}, line(head, "th"), ...rows.map((r) => line(r, "td"))));
}

/** An example that fits a schema, small enough to read. */
function example(schema) {
  if (schema.anyOf) return example(schema.anyOf[0]);
  if (schema.type === "object") return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, v]) => [k, example(v)]));
  if (schema.type === "array") return Array.from({ length: Math.min(schema.minItems ?? 1, 3) }, () => example(schema.items));
  return schema.type === "string" ? "..." : 0;
}

function request(path, method, media, schema) {
  const target = `${location.origin}${path}`;
  if (media === "application/json") {
    return `curl -H 'Content-Type: ${media}' -d '${JSON.stringify(example(schema))}' ${target}`;
  }
  if (media === "multipart/form-data") return `curl -F file=@picture.png ${target}`;
  return `curl -H 'Content-Type: ${media}' --data-binary @file ${target}`;
}

function operation(path, method, one) {
  const parts = [element("h2", {}, element("span", { className: "method", textContent: method.toUpperCase() }), ` ${path}`),
    element("p", { textContent: one.summary })];
  if (one.parameters?.length) {
    parts.push(element("h3", { textContent: texts.parameters }),
      table([texts.name, texts.meaning], one.parameters.map((p) => [`?${p.name}=`, p.description])));
  }
  const bodies = Object.entries(one.requestBody?.content ?? {});
  if (bodies.length) parts.push(element("h3", { textContent: texts.send }));
  for (const [media, { schema }] of bodies) {
    parts.push(folded(media, element("pre", { textContent: request(path, method, media, schema) }), pretty(schema)));
  }
  parts.push(element("h3", { textContent: texts.get }),
    table([texts.status, texts.meaning], Object.entries(one.responses).map(([status, r]) => [status, r.description])));
  const good = one.responses["200"]?.content?.["application/json"];
  if (good) parts.push(folded("200 application/json", pretty(good.schema)));
  return element("section", { className: "card" }, ...parts);
}

const said = await (await fetch(`/openapi.json?lang=${lang}`)).json();
const sections = Object.entries(said.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, one]) => operation(path, method, one)));
document.getElementById("paths").replaceChildren(element("p", { textContent: said.info.description }), ...sections);
