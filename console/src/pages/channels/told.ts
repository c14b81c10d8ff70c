import { useTranslation } from "react-i18next";

/**
 * The gateway tells in English what is wrong with a channel. Its known sentences
 * are said here in the reader's language, and in the words of the form; what is
 * not known is shown as it came.
 */
const warnings: [RegExp, string][] = [
  [/^This gateway has no provider for type (?<type>\d+)/, "noProvider"],
  [/^base_url is no address/, "noAddress"],
  [/^base_url is plain http/, "plainHttp"],
  [/^base_url is not one of (?<title>.+)'s own hosts \((?<hosts>.*)\)/, "foreignHost"],
  [/^"(?<model>.*)" is no model/, "unknownModel"],
  [/^models is empty/, "noModels"],
  [/^There is no group "(?<group>.*)"\./, "noGroup"],
  [/^No key of this channel can call (?<models>.*): it takes an API key/, "needsApiKey"],
];

const problems: [RegExp, string][] = [
  [/^the key is empty/, "empty"],
  [/^the key holds a space/, "space"],
  [/^the key holds a comma/, "comma"],
  [/^a pair is written/, "pair"],
];

const sayings: [RegExp, string][] = [
  [/^GET (?<one>\S+) and GET (?<two>\S+) were tried/, "triedBoth"],
  [/^GET (?<one>\S+) was tried/, "tried"],
  [/^GET (?<one>\S+) answered: the key works; the account has no resource packs/, "noPacks"],
  [/^GET (?<one>\S+) answered: the key works; none of the (?<count>\d+) resource packs/, "nonePacks"],
  [/^GET (?<one>\S+) answered: the key works; (?<packs>.*)/, "packs"],
  [/^GET (?<one>\S+) answered$/, "answered"],
];

/** What a failure was and what to do about it. */
export type Trouble = { kind?: string; http?: number; code?: number; message: string; advice?: string };

/** Takes apart what provider errors look like: "no_credit (HTTP 429, code 1102): text". */
export function readReason(reason: string): Trouble {
  const m = /^(?<kind>[a-z_]+)(?: \((?:HTTP (?<http>\d+))?(?:, )?(?:code (?<code>\d+))?\))?: (?<message>[\s\S]*)$/.exec(
    reason,
  );
  if (!m?.groups) return { message: reason };
  const { kind, http, code, message = "" } = m.groups;
  return { kind, http: Number(http) || undefined, code: Number(code) || undefined, message };
}

type Test = { ok: true; said: string } | { ok: false; works: number; count: number; key: string; error: string };

/** Takes apart the sentence that a test leaves on its channel. */
export function readTest(text: string): Test {
  const m = /^(?<works>\d+) of (?<count>\d+) keys work; key (?<key>\S+): (?<error>[\s\S]*)$/.exec(text);
  if (!m?.groups) return { ok: true, said: text.replace(/^ok: (?:all \d+ keys work; )?/, "") };
  const { works, count, key = "", error = "" } = m.groups;
  return { ok: false, works: Number(works), count: Number(count), key, error };
}

export function useTold() {
  const { t } = useTranslation();
  const said = (list: [RegExp, string][], room: string, text: string) => {
    for (const [pattern, key] of list) {
      const m = pattern.exec(text);
      if (m) return t(`channels.${room}.${key}`, { ...m.groups, defaultValue: text });
    }
    return text;
  };
  return {
    warning: (text: string) => said(warnings, "warning", text),
    keyProblem: (text: string) => said(problems, "keyProblem", text),
    /** What a test tried and what came back. */
    said: (text: string) => said(sayings, "said", text),
    /** The kind of a failure in a few words. */
    kind: (kind: string) => t(`channels.kind.${kind}`, { defaultValue: kind }),
    advice: ({ code, kind, advice }: Trouble) =>
      advice &&
      t([`channels.adviceFor.${code ?? "none"}`, `channels.adviceFor.${kind ?? "none"}`], { defaultValue: advice }),
  };
}
