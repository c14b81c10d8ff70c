import i18n from "i18next";
import { initReactI18next } from "react-i18next";

export const languages = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof languages;
const key = "language";

type Texts = Record<string, unknown>;
const base: Record<Language, () => Promise<{ default: Texts }>> = {
  en: () => import("./locales/en/base"),
  zh: () => import("./locales/zh/base"),
};
// Each room of the console has its texts in a file of its own, fetched with its pages.
const rooms = import.meta.glob<Texts>("./locales/*/*.json", { import: "default" });

const loaded = new Set<string>();
const wantedRooms = new Set<string>();

function wanted(): Language {
  const stored = localStorage.getItem(key);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

async function load(language: Language, room: string) {
  const name = `${language}/${room}`;
  if (loaded.has(name)) return;
  const texts =
    room === "base" ? (await base[language]()).default : { [room]: (await rooms[`./locales/${name}.json`]?.()) ?? {} };
  i18n.addResourceBundle(language, "main", texts, true, true);
  loaded.add(name);
}

const current = () => (i18n.language || wanted()) as Language;

/** Fetches the texts of rooms, in the language of the reader. */
export async function loadTexts(...names: string[]) {
  for (const n of names) wantedRooms.add(n);
  await Promise.all(names.map((n) => load(current(), n)));
}

/**
 * Fetches the texts of refusals, when one comes that the first texts do not tell.
 * There are none in English: there a refusal is told in the gateway's own words.
 */
export async function refusalTexts(code: string) {
  if (i18n.exists(`errors.${code}`)) return;
  await loadTexts("refusals").catch(() => {}); // then it is told in English
}

/** Starts with the language chosen before, else the browser's. */
export async function startLanguage() {
  const language = wanted();
  await i18n.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    supportedLngs: Object.keys(languages),
    defaultNS: "main",
    ns: ["main"],
    resources: {},
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  });
  await loadTexts("base");
  // Only now, with texts, does i18next call the language resolved; dates and numbers go by that.
  await i18n.changeLanguage(language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

/** Changes the language, for this browser. */
export async function setLanguage(language: Language) {
  await Promise.all([...wantedRooms].map((n) => load(language, n)));
  localStorage.setItem(key, language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  await i18n.changeLanguage(language);
}
