// The list of events: filters, sentences, pictures, clips; ticked off one by one.
import { $, ask, element, said, texts } from "./common.js";

const form = $("filters"), list = $("events");
let before = null, turn = 0;

function wishes() {
  const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  return asked;
}

function item(event) {
  const seen = element("button", { type: "button" });
  const mark = () => {
    seen.textContent = event.seen ? texts.unsee : texts.see;
    whole.classList.toggle("seen", event.seen);
  };
  const trouble = element("p", { className: "wrong" });
  trouble.setAttribute("role", "alert");
  seen.addEventListener("click", async () => {
    try {
      await ask("/api/events/seen", "POST", { ids: [event.id], seen: !event.seen });
      event.seen = !event.seen;
      trouble.textContent = "";
      mark();
    } catch (error) {
      trouble.textContent = error.message;
    }
  });
  const shown = element("div", { className: "shown" });
  if (event.thumb) shown.append(element("img", { src: `/api/events/${event.id}/thumb`, alt: said("thumb_of", { sentence: event.sentence }), loading: "lazy" }));
  const row = element("p", { className: "row" }, seen);
  if (event.clip) {
    const play = element("button", { type: "button", className: "main", textContent: texts.play });
    play.addEventListener("click", () => {
      const video = element("video", { src: `/api/events/${event.id}/clip`, controls: true, playsInline: true, muted: true, preload: "metadata" });
      video.setAttribute("aria-label", said("clip_of", { sentence: event.sentence }));
      video.addEventListener("error", () => (trouble.textContent = texts.no_clip));
      shown.replaceChildren(video);
      play.remove();
      video.focus();
      video.play().catch(() => {});
    });
    row.prepend(play);
  }
  const time = element("time", { dateTime: event.utc, textContent: event.began });
  const lasted = event.over ? said("lasted", { seconds: event.lasted }) : texts.lasting;
  const whole = element("li", { className: "card event" }, shown,
    element("div", {}, element("h2", { textContent: event.sentence }),
      element("p", { className: "muted" }, time, ` · ${event.camera} · ${event.title} · ${lasted}`), row, trouble));
  mark();
  return whole;
}

async function load(more) {
  const mine = ++turn, asked = wishes();
  if (more) asked.set("before", before);
  try {
    const found = await (await ask(`/api/events?${asked}`)).json();
    if (mine !== turn) return;
    const items = found.events.map(item);
    if (more) list.append(...items);
    else list.replaceChildren(...items);
    if (more) items[0]?.querySelector("button")?.focus();
    before = found.before;
    $("more").hidden = before === null;
    $("count").textContent = list.childElementCount ? "" : asked.size ? texts.nothing : texts.no_events;
    $("trouble").textContent = "";
  } catch (error) {
    if (mine === turn) $("trouble").textContent = error.message;
  }
}

for (const [name, value] of new URLSearchParams(location.search)) {
  if (form.elements[name]) form.elements[name].value = value;
}
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => {
  const address = new URL(location);
  for (const { name, value } of form.elements) value ? address.searchParams.set(name, value) : address.searchParams.delete(name);
  history.replaceState(null, "", address);
  load(false);
});
$("more").addEventListener("click", () => load(true));
load(false);
