// The page to try a model: takes what the learner gives, asks /predict, shows what comes back.
const settings = JSON.parse(document.getElementById("settings").textContent);
const { kind, texts, watched } = settings;
const $ = (id) => document.getElementById(id);
const answer = $("answer");
let latest = 0;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function say(text, wrong = false) {
  answer.replaceChildren(element("p", { textContent: text, className: wrong ? "wrong" : "muted" }));
}

async function ask(body, type) {
  const turn = ++latest; // what was drawn later counts, whichever answer comes first
  if (body instanceof Blob && body.size > settings.maxBody) return say(texts.large, true);
  say(texts.asking);
  let reply, said;
  try {
    reply = await fetch(`/predict?lang=${settings.lang}&activations=${watched ? 1 : 0}`, {
      method: "POST",
      headers: { "Content-Type": type },
      body,
    });
    said = await reply.json();
  } catch {
    if (turn === latest) say(texts.unreachable, true);
    return;
  }
  if (turn !== latest) return;
  if (reply.ok) show(said);
  else say(said.error.message, true);
}

function show(said) {
  const time = element("p", { className: "muted", textContent: texts.took.replace("{ms}", said.milliseconds.toFixed(1)) });
  if (said.classes) answer.replaceChildren(...bars(said.classes), time);
  else if (said.values) answer.replaceChildren(values(said.values), time);
  else answer.replaceChildren(...Object.entries(said.outputs).flatMap(output), time);
  if (said.note) answer.prepend(element("p", { className: "note", textContent: said.note }));
  if (watched) layers(said.activations ?? {});
}

const percent = (p) => (p === null ? "–" : `${(100 * p).toFixed(1)}%`);

function bars(classes) {
  const rows = classes.slice(0, 5).map(({ label, probability }) => {
    const bar = element("div", { className: "bar" });
    bar.style.width = percent(probability ?? 0);
    return element("li", {}, element("span", { textContent: label }),
      element("div", { className: "track" }, bar),
      element("span", { className: "much", textContent: percent(probability) }));
  });
  const best = element("p", { className: "best", textContent: `${classes[0].label} · ${percent(classes[0].probability)}` });
  return [best, element("ol", { className: "bars" }, ...rows)];
}

function values(list) {
  const rows = list.map(({ label, value }) => element("tr", {}, element("th", { textContent: label, scope: "row" }),
    element("td", { textContent: value === null ? "–" : Number(value.toPrecision(6)) })));
  return element("table", {}, ...rows);
}

function output([name, { shape, values }]) {
  const numbers = values.map((v) => (v === null ? "–" : Number(v.toPrecision(5)))).join(", ");
  return [element("h3", {}, `${name} `, element("code", { textContent: `(${shape.join(", ")})` })),
    element("pre", { textContent: numbers })];
}

function layers(activations) {
  const parts = Object.entries(activations).map(([name, { shape, maps }]) =>
    element("div", {}, element("h3", {}, `${name} `, element("code", { textContent: `(${shape.join(", ")})` })),
      element("div", { className: "maps" }, ...maps.map(map))));
  $("layers").replaceChildren(...parts);
  $("seen").hidden = !parts.length;
}

function map(rows) {
  const made = element("canvas", { width: rows[0].length, height: rows.length, className: rows.length === 1 ? "flat" : "" });
  const pen = made.getContext("2d");
  const image = pen.createImageData(made.width, made.height);
  rows.flat().forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
  pen.putImageData(image, 0, 0);
  return made;
}

// -- drawing, pictures ---------------------------------------------------------------------------

function drawing() {
  const paper = $("paper");
  const pen = paper.getContext("2d");
  let last = null, timer = 0;
  const blank = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, paper.width, paper.height);
  };
  const place = (event) => {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * paper.width, ((event.clientY - box.top) / box.height) * paper.height];
  };
  const line = (from, to) => {
    Object.assign(pen, { lineWidth: paper.width / 15, lineCap: "round", lineJoin: "round", strokeStyle: "#16181d" });
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
  };
  const send = () => paper.toBlob((blob) => ask(blob, "image/png"), "image/png");
  paper.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    paper.setPointerCapture(event.pointerId);
    clearTimeout(timer);
    last = place(event);
    line(last, last);
  });
  paper.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const to = place(one);
      line(last, to);
      last = to;
    }
  });
  const up = () => {
    if (!last) return;
    last = null;
    timer = setTimeout(send, 350); // another stroke may follow
  };
  paper.addEventListener("pointerup", up);
  paper.addEventListener("pointercancel", up);
  $("clear").addEventListener("click", () => {
    clearTimeout(timer);
    latest++;
    blank();
    say(texts.waiting);
    if (watched) layers({});
  });
  blank();
  return (file) => createImageBitmap(file).then((picture) => {
    const scale = Math.min(paper.width / picture.width, paper.height / picture.height);
    const [w, h] = [picture.width * scale, picture.height * scale];
    blank();
    pen.drawImage(picture, (paper.width - w) / 2, (paper.height - h) / 2, w, h);
  });
}

function files(preview) {
  const take = async (file) => {
    if (!file) return;
    if (!settings.accept.includes(file.type)) return say(texts.no_picture, true);
    await preview(file).catch(() => {}); // what is none all the same, the service says
    ask(file, file.type);
  };
  for (const id of ["file", "camera"]) {
    $(id).addEventListener("change", (event) => {
      take(event.target.files[0]);
      event.target.value = "";
    });
  }
  const form = $("ask");
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}

async function preview(file) {
  const image = $("preview");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(file);
  image.hidden = false;
}

// -- sentences, numbers, arrays ------------------------------------------------------------------

/** A number as people type it, in Bangla digits too; NaN where it is none. */
function number(text) {
  const plain = text.trim().replace(/[০-৯]/g, (d) => "০১২৩৪৫৬৭৮৯".indexOf(d));
  return plain === "" ? NaN : Number(plain);
}

function content() {
  if (kind === "text") return { text: $("text").value };
  if (kind === "numbers") {
    const fields = [...document.querySelectorAll(".fields input")];
    const row = $("row") ? $("row").value.split(/[\s,;]+/).filter(Boolean).map(number) : fields.map((f) => number(f.value));
    const bad = row.findIndex(Number.isNaN);
    if (bad >= 0) {
      fields[bad]?.focus();
      return say(texts.no_number.replace("{name}", fields[bad]?.name ?? bad + 1), true);
    }
    return { numbers: fields.length ? Object.fromEntries(fields.map((f, i) => [f.name, row[i]])) : row };
  }
  const inputs = {};
  for (const field of document.querySelectorAll("textarea[name]")) {
    try {
      inputs[field.name] = JSON.parse(field.value);
    } catch {
      field.focus();
      return say(texts.no_array.replace("{name}", field.name), true);
    }
  }
  return { inputs };
}

function zeros() {
  const nested = ([n, ...rest]) => Array.from({ length: n }, () => (rest.length ? nested(rest) : 0));
  JSON.parse($("zeros").dataset.shapes).forEach(({ shape }, i) => {
    const sizes = shape.slice(1, -1).split(",").filter((s) => s.trim()).map((s) => Number(s) || 1);
    const field = document.querySelectorAll("textarea[name]")[i];
    field.value = sizes.length ? JSON.stringify(nested(sizes)) : "0";
  });
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = content();
  if (said) ask(JSON.stringify(said), "application/json");
});
if (kind === "drawing") files(drawing());
if (kind === "picture") files(preview);
$("zeros")?.addEventListener("click", zeros);
