import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";

type Texts = { [key: string]: string | Texts };
const languages = ["en", "zh"] as const;
const source = new URL("../", import.meta.url);
const repository = new URL("../../../", import.meta.url);

/** All files below a folder, by a pattern of their names. */
function files(below: URL, pattern: RegExp): string[] {
  return readdirSync(below, { recursive: true, encoding: "utf8" })
    .filter((f) => pattern.test(f))
    .sort();
}

/** The rooms of a language with their texts, and the files that they stand in. */
function read(language: string) {
  const at = new URL(`locales/${language}/`, import.meta.url);
  const names = files(at, /\.json$/);
  const rooms: Texts = {};
  for (const f of names) rooms[basename(f, ".json")] = JSON.parse(readFileSync(new URL(f, at), "utf8")) as Texts;
  return { names, rooms };
}

function flat(texts: Texts, path = ""): [string, string][] {
  return Object.entries(texts).flatMap(([k, v]) =>
    typeof v === "string" ? [[path + k, v] as [string, string]] : flat(v, `${path}${k}.`),
  );
}

const of = { en: read("en"), zh: read("zh") };
const plural = /_(zero|one|other)$/;
/** Keys without the suffixes of their plurals. */
const keysOf = (texts: Texts) => new Set(flat(texts).map(([k]) => k.replace(plural, "")));
/**
 * The gateway tells its refusals in English itself, so that English has fewer of
 * their texts.
 */
const told = /^(errors|refusals)\./;
const withoutTold = (keys: Iterable<string>) => [...keys].filter((k) => !told.test(k)).sort();

/** What the code says, without comments. */
const code = files(source, /\.tsx?$/)
  .filter((f) => !f.endsWith(".test.ts") && !f.endsWith(".d.ts"))
  .map((f) => [f, readFileSync(new URL(f, source), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")] as const);

test("both languages have the same texts", () => {
  expect(of.zh.names.filter((n) => n !== "refusals.json")).toEqual(of.en.names);
  expect(withoutTold(keysOf(of.zh.rooms))).toEqual(withoutTold(keysOf(of.en.rooms)));
});

describe.each(languages)("in %s", (language) => {
  const texts = new Map(flat(of[language].rooms));

  test("no text is empty", () => {
    const silent = ["channels.keyServes.unknown"]; // nothing is known, so nothing is said
    expect([...texts].filter(([k, v]) => !v.trim() && !silent.includes(k))).toEqual([]);
  });

  test("a text that counts has the forms of the language", () => {
    const forms = language === "zh" ? ["_other"] : ["_one", "_other"];
    const counting = withoutTold(texts.keys()).filter((k) => plural.test(k));
    const lacking = counting
      .map((k) => k.replace(plural, ""))
      .filter((k) => !texts.has(k)) // which serves for all
      .flatMap((k) => forms.map((f) => k + f))
      .filter((k) => !texts.has(k));
    expect(lacking).toEqual([]);
  });

  test("each text that the code names is there", () => {
    const known = keysOf(of[language].rooms);
    const rooms = Object.keys(of.en.rooms);
    const lacking: string[] = [];
    for (const [file, text] of code) {
      for (const [, key = ""] of text.matchAll(/"([a-zA-Z]\w*(?:\.[\w-]+)+)"/g)) {
        if (rooms.includes(key.split(".")[0] ?? "") && !known.has(key)) lacking.push(`${file}: ${key}`);
      }
      // What is put together must have something that begins so.
      for (const [, start = ""] of text.matchAll(/`([a-zA-Z]\w*\.[\w.-]*)\$\{/g)) {
        if (!rooms.includes(start.split(".")[0] ?? "")) continue;
        if (![...known].some((k) => k.startsWith(start))) lacking.push(`${file}: ${start}…`);
      }
    }
    expect(lacking).toEqual([]);
  });
});

test("a text takes the same values in both languages", () => {
  const values = (rooms: Texts) => {
    const out = new Map<string, Set<string>>();
    for (const [k, v] of flat(rooms)) {
      if (told.test(k)) continue;
      const key = k.replace(plural, "");
      const all = out.get(key) ?? new Set<string>();
      for (const [, name = ""] of v.matchAll(/\{\{\s*(\w+)/g)) all.add(name);
      out.set(key, all);
    }
    return out;
  };
  const zh = values(of.zh.rooms);
  const differ = [...values(of.en.rooms)]
    .map(([k, names]) => [k, [...names].sort().join(), [...(zh.get(k) ?? [])].sort().join()])
    .filter(([, a, b]) => a !== b);
  expect(differ).toEqual([]);
});

test("each room is used", () => {
  const all = code.map(([, text]) => text).join("\n");
  const unused = Object.keys(of.en.rooms).filter((r) => !new RegExp(`["\`]${r}\\.`).test(all));
  expect(unused).toEqual([]);
});

test("each refusal of the gateway has a Chinese text", () => {
  const internal = new URL("internal/", repository);
  const words = new Set<string>();
  for (const f of files(internal, /\.go$/)) {
    if (f.endsWith("_test.go")) continue;
    const text = readFileSync(new URL(f, internal), "utf8");
    const named = [...text.matchAll(/\.Named\("(\w+)"\)|\brefuse\((?:fault\.\w+, )?"(\w+)"/g)];
    // The words of what has none of its own, and of a task that failed.
    const classes =
      f === "fault/fault.go" || f === "task/task.go"
        ? [...text.matchAll(/^\t\w+ +(?:Fail)?Code += "(\w+)"|^\t[A-Z]\w+ += "(\w+)" +\/\/ \d/gm)]
        : [];
    for (const m of [...named, ...classes]) words.add(m[1] ?? m[2] ?? "");
  }
  expect(words.size).toBeGreaterThan(150);
  const texts = new Set(flat(of.zh.rooms).map(([k]) => k));
  const lacking = [...words].filter((w) => !texts.has(`errors.${w}`) && !texts.has(`refusals.${w}`));
  expect(lacking.sort()).toEqual([]);
});
