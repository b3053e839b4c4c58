// When two spellings are one, and what matches: course/search/folding.py and finding.py once more.
// tests/widgets/test_site_search.py holds the two against each other.

const SAME = { "ী": "ি", "ূ": "ু", "ণ": "ন", "শ": "স", "ষ": "স", "ৎ": "ত", "ঙ": "ং" };
const BANGLA = {
  "ক": "k", "খ": "k", "গ": "g", "ঘ": "g", "ং": "n", "চ": "c", "ছ": "c", "জ": "j", "ঝ": "j",
  "ট": "t", "ঠ": "t", "ত": "t", "থ": "t", "ড": "d", "ঢ": "d", "দ": "d", "ধ": "d", "ন": "n",
  "প": "p", "ফ": "p", "ব": "b", "ভ": "b", "ম": "m", "র": "r", "ল": "l", "স": "s", "য": "",
};
const LATIN = [
  ["tion", "sn"], ["sion", "sn"], ["ture", "cr"], ["ph", "p"], ["sh", "s"], ["th", "t"],
  ["ck", "k"], ["ch", "C"], ["x", "ks"], ["qu", "ku"], ["ce", "s"], ["ci", "s"], ["cy", "s"],
  ["c", "k"], ["C", "c"], ["q", "k"], ["f", "p"], ["v", "b"], ["w", ""], ["z", "j"],
];
const KINDS = ["term", "lesson", "op", "part"];
const LIMIT = 30;
const SOUNDS = 3;
const STEM = { bn: 3, en: 4 };

export function fold(text) {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u200c\u200d\u0981\u09bc\u09cd]/g, "")
    .replace(/[ীূণশষৎঙ]/g, (letter) => SAME[letter])
    .replace(/[০-৯]/g, (digit) => digit.charCodeAt(0) - 0x09e6)
    .replace(/[^a-z0-9\u00c0-\u024f\u0370-\u03ff\u0980-\u09ff]+/g, " ")
    .trim();
}

export function skeleton(word) {
  let sounds = "";
  if ([...word].some((letter) => letter in BANGLA)) {
    for (const letter of word) sounds += BANGLA[letter] ?? "";
  } else {
    sounds = LATIN.reduce((spelled, [from, to]) => spelled.replaceAll(from, to), word);
    sounds = sounds.replace(/[^bcdgjklmnprst]/g, "");
  }
  return sounds.replace(/(.)\1+/g, "$1");
}

/** The items that match, the best first. An item: {kind, names, body, ...}, names and body folded. */
export function find(query, items) {
  const whole = fold(query);
  const words = whole.split(" ").filter(Boolean);
  if (!words.length) return [];
  const found = [];
  for (const item of items) {
    const points = words.map((word) => pointsOf(word, item));
    if (!points.every(Boolean)) continue;
    const exact = item.names.includes(whole) ? 100 : 0;
    const score = points.reduce((a, b) => a + b) + exact;
    const [name] = item.names;
    found.push({ item, place: [-score, KINDS.indexOf(item.kind), [...name].length, name] });
  }
  found.sort((a, b) => before(a.place, b.place));
  return found.slice(0, LIMIT).map(({ item }) => item);
}

function before(a, b) {
  const k = a.findIndex((part, at) => part !== b[at]);
  return k < 0 ? 0 : a[k] < b[k] ? -1 : 1;
}

function pointsOf(word, item) {
  const parts = (item.parts ??= item.names.flatMap((name) => name.split(" ")));
  if (parts.includes(word)) return 50;
  if (parts.some((part) => part.startsWith(word))) return 40;
  const stem = STEM[word >= "\u0980" ? "bn" : "en"];
  if (parts.some((part) => part.length >= stem && word.startsWith(part))) return 30;
  if (` ${item.body}`.includes(` ${word}`)) return 10;
  const sound = skeleton(word);
  item.sounds ??= parts.map(skeleton);
  return sound.length >= SOUNDS && item.sounds.some((part) => part.startsWith(sound)) ? 5 : 0;
}
