// Bundles the front end into src/gobhir/static/, which the wheel and the sdist carry:
//
//   src/studio/main.js  ->  studio/studio.js, studio/studio.css, studio/chunks/
//   src/site/main.js    ->  site/site.js   (of `gobhir site`)
//   src/play/main.js    ->  studio/play.js, studio/play.css
//   widgets/<name>.js   ->  widgets/<name>.js   (each self-contained, as anywidget wants it)
//   widgets/pictures/<name>.js  ->  widgets/<name>.js   (a scene, with all that moves it)
//   KaTeX, fonts        ->  katex/, fonts/
//   reveal.js           ->  reveal/   (slides of a derivation carry it inside)
//
// `node build.mjs` after `npm ci`; `python frontend/bundle.py` does both.
// Everything is first written beside the target, then moved: a failed build changes nothing.

import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "src", "gobhir", "static");
const work = `${target}.${process.pid}`;
const npm = (...parts) => join(here, "node_modules", ...parts);

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  absWorkingDir: here,
};

async function studio() {
  await build({
    ...common,
    entryPoints: { studio: "src/studio/main.js", play: "src/play/main.js" },
    outdir: join(work, "studio"),
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    // Jupyter's packages were written for webpack: a Node name or two needs a browser's answer.
    alias: { path: "path-browserify" },
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    // Fonts and KaTeX are served as they are, beside the studio's own files.
    external: ["../fonts/*", "../katex/*"],
  });
}

// The static site works from a disk, where a browser loads no modules, and without a server.
async function site() {
  await build({
    ...common,
    format: "iife",
    entryPoints: { site: "src/site/main.js" },
    outdir: join(work, "site"),
    plugins: [{
      name: "no-server",
      setup: ({ onResolve }) =>
        onResolve({ filter: /\/server\.js$/ }, () => ({ path: join(here, "src", "site", "server.js") })),
    }],
  });
}

async function widgets() {
  const named = async (...folder) => (await readdir(join(here, ...folder))).filter((name) => name.endsWith(".js")).sort();
  const own = (await named("widgets")).map((name) => [name, { entryPoints: [join("widgets", name)] }]);
  const pictures = (await named("widgets", "pictures")).map((name) => [name, { stdin: {
    contents: `import { moving } from "./moving/widget.js"; import { scene } from "./pictures/${name}"; export default moving(scene);`,
    resolveDir: join(here, "widgets"),
  } }]);
  for (const [name, entry] of [...own, ...pictures]) {
    await build({
      ...common,
      ...entry,
      outfile: join(work, "widgets", name),
      loader: { ".css": "text" }, // a widget carries its style inside
    });
  }
}

async function katex() {
  const out = join(work, "katex");
  await mkdir(join(out, "fonts"), { recursive: true });
  await cp(npm("katex", "dist", "katex.min.js"), join(out, "katex.min.js"));
  const css = await readFile(npm("katex", "dist", "katex.min.css"), "utf8");
  await writeFile(join(out, "katex.min.css"), woff2Only(css));
  for (const name of await readdir(npm("katex", "dist", "fonts"))) {
    if (name.endsWith(".woff2")) await cp(npm("katex", "dist", "fonts", name), join(out, "fonts", name));
  }
}

async function reveal() {
  const out = join(work, "reveal");
  await build({
    ...common,
    format: "iife",
    stdin: { contents: 'import Reveal from "reveal.js"; globalThis.Reveal = Reveal;', resolveDir: here },
    banner: { js: "/*! reveal.js (revealjs.com), (c) Hakim El Hattab and contributors, MIT license */" },
    outfile: join(out, "reveal.js"),
  });
  await cp(npm("reveal.js", "dist", "reveal.css"), join(out, "reveal.css"));
  await cp(npm("reveal.js", "LICENSE"), join(out, "LICENSE"));
}

async function fonts() {
  const out = join(work, "fonts");
  const source = npm("@fontsource", "noto-sans-bengali");
  await mkdir(out, { recursive: true });
  const faces = [];
  for (const weight of [400, 700]) {
    const css = await readFile(join(source, `${weight}.css`), "utf8");
    for (const subset of ["bengali", "latin"]) {
      const name = `noto-sans-bengali-${subset}-${weight}-normal`;
      const face = css.match(new RegExp(`/\\* ${name} \\*/\\s*(@font-face \\{[^}]*\\})`))?.[1];
      if (!face) throw new Error(`${name}: not in @fontsource/noto-sans-bengali/${weight}.css`);
      faces.push(woff2Only(face).replace("./files/", ""));
      await cp(join(source, "files", `${name}.woff2`), join(out, `${name}.woff2`));
    }
    // matplotlib's pictures: the packing that Python can undo (lang/fonts.py).
    const packed = `noto-sans-bengali-bengali-${weight}-normal.woff`;
    await cp(join(source, "files", packed), join(out, packed));
  }
  await writeFile(join(out, "fonts.css"), faces.join("\n") + "\n");
  await cp(join(source, "LICENSE"), join(out, "LICENSE"));
}

// Every browser that runs the studio reads woff2; the older formats would only add weight.
function woff2Only(css) {
  return css.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g, "");
}

try {
  await rm(work, { recursive: true, force: true });
  for (const part of [studio, site, widgets, katex, reveal, fonts]) await part();
  // What it was built from (see bundle.py), so that the next build can tell whether it is needed.
  const digest = process.argv[2] ?? "";
  await writeFile(join(work, "build.json"), JSON.stringify({ digest }) + "\n");
  await rm(target, { recursive: true, force: true });
  await rename(work, target);
} catch (error) {
  if (!error.errors) console.error(error.message); // esbuild has already shown its own
  process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}
