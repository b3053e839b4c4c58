// Slides of a derivation: reveal.js turns the pages; here formulas are typeset when their slide
// comes near, text is made to fit, and the notes are shown, also in a window of the speaker's own.
const deck = document.querySelector(".reveal");
const pane = document.querySelector(".pane");
const button = document.querySelector(".talk");
const words = deck.dataset;
const numbers = new Intl.NumberFormat(document.documentElement.lang === "bn" ? "bn-u-nu-beng" : "en");
const speaking = location.hash.startsWith("#speaker");
if (speaking) history.replaceState(null, "", location.href.split("#")[0]);

function typeset(slide) {
  for (const place of slide?.querySelectorAll(".math:not([data-set])") ?? []) {
    place.dataset.set = "";
    katex.render(place.textContent, place, { throwOnError: false, strict: "ignore" });
  }
}

// Text becomes smaller, down to two thirds, until nothing has to be scrolled.
function fit(slide) {
  const sheet = slide?.querySelector(":scope > .sheet");
  if (!sheet) return;
  const boxes = [...sheet.querySelectorAll(".chain, .table")];
  const wide = (box) => box.scrollWidth > box.clientWidth + 1;
  const tall = () => sheet.scrollHeight > sheet.clientHeight + 1;
  const least = innerWidth < 600 ? 0.85 : 0.66;
  for (let scale = 1; scale >= least; scale -= 0.05) {
    sheet.style.setProperty("--fit", scale);
    if (!tall() && !boxes.some(wide)) break;
  }
  // What has to be scrolled can be reached with the keyboard.
  for (const box of boxes) box.toggleAttribute("tabindex", wide(box));
  sheet.toggleAttribute("tabindex", tall());
  for (const box of sheet.parentElement.querySelectorAll("[tabindex]")) box.tabIndex = 0;
}

function all() {
  return Reveal.getSlides();
}

function arrive() {
  const slide = Reveal.getCurrentSlide();
  typeset(slide);
  fit(slide);
  const following = all()[all().indexOf(slide) + 1];
  setTimeout(() => typeset(following));
  tell(slide, following);
}

// -- notes ------------------------------------------------------------------------------------

function tell(slide, following) {
  if (pane.hidden) return;
  pane.replaceChildren(...slide.querySelector("aside.notes").cloneNode(true).children);
  if (following) {
    const next = document.createElement("p");
    next.className = "next";
    const said = following.querySelector("h1, h2, h3, .idea > p");
    next.append(`${words.next}: `, ...(said?.cloneNode(true).childNodes ?? ["…"]));
    pane.append(next);
  }
  for (const part of pane.querySelectorAll("[data-set]")) part.removeAttribute("data-set");
  for (const set of pane.querySelectorAll(".math > .katex")) {
    const tex = set.querySelector("annotation").textContent;
    set.parentElement.textContent = tex;
  }
  typeset(pane);
}

function talk(shown) {
  pane.hidden = !shown;
  document.body.classList.toggle("talking", shown);
  button.setAttribute("aria-pressed", shown);
  Reveal.layout();
  arrive();
}

// The speaker's window and the one on the wall follow each other.
let other = speaking ? window.opener : null;
let told = "";
function follow() {
  const state = JSON.stringify(Reveal.getState());
  if (state === told) return;
  told = state;
  other?.postMessage({ gobhir: state }, "*"); // a page from the disk has no origin to name
}
addEventListener("message", (event) => {
  if (!other || event.source !== other || typeof event.data?.gobhir !== "string") return;
  if (event.data.gobhir === "ready") {
    told = "";
    follow();
  } else if (event.data.gobhir !== told) {
    told = event.data.gobhir;
    Reveal.setState(JSON.parse(told));
  }
});

// -- touch: to the side turns the page; up and down scrolls what is long --------------------------

let start = null;
deck.addEventListener("touchstart", (event) => {
  const wide = event.target.closest?.(".chain, .table");
  const scrolls = wide && wide.scrollWidth > wide.clientWidth + 1;
  start = scrolls || event.touches.length > 1 ? null : event.touches[0];
}, { passive: true });
deck.addEventListener("touchend", (event) => {
  if (!start) return;
  const end = event.changedTouches[0];
  const [across, along] = [end.clientX - start.clientX, end.clientY - start.clientY];
  start = null;
  if (Math.abs(across) < 45 || Math.abs(across) < 1.8 * Math.abs(along)) return;
  if (across < 0) Reveal.next();
  else Reveal.prev();
}, { passive: true });

// -- begin ------------------------------------------------------------------------------------

Reveal.initialize({
  width: "100%",
  height: "100%",
  margin: 0,
  center: false,
  disableLayout: true,
  scrollActivationWidth: null,
  touch: false,
  hash: !speaking,
  transition: "none",
  slideNumber: () => [
    `${numbers.format(Reveal.getSlidePastCount() + 1)} / ${numbers.format(Reveal.getTotalSlides())}`,
  ],
  keyboard: {
    78: () => talk(pane.hidden), // N
    83: () => { // S
      other = window.open(`${location.href.split("#")[0]}#speaker`, "gobhir-speaker", "width=900,height=760");
    },
  },
}).then(() => {
  const names = { left: "previous", right: "next", up: "up", down: "down" };
  for (const [side, word] of Object.entries(names)) {
    for (const arrow of deck.querySelectorAll(`.navigate-${side}`)) arrow.ariaLabel = words[word];
  }
  arrive();
  document.fonts.ready.then(arrive);
  if (speaking) {
    talk(true);
    other?.postMessage({ gobhir: "ready" }, "*");
  }
});
Reveal.on("slidechanged", arrive);
for (const what of ["slidechanged", "fragmentshown", "fragmenthidden", "paused", "resumed"]) {
  Reveal.on(what, follow);
}
addEventListener("resize", arrive);
addEventListener("beforeprint", () => all().forEach(typeset));
button.addEventListener("click", () => {
  talk(pane.hidden);
  button.blur();
});
