export type KeyLine = { line: number; kind?: "api_key" | "ak_sk"; problem?: "space" | "comma" | "pair" };

/** What each line of typed keys is, by the rules of the gateway. */
export function readKeys(text: string): KeyLine[] {
  return text.split("\n").flatMap((raw, i): KeyLine[] => {
    const key = raw.trim();
    const line = i + 1;
    if (!key) return [];
    if (/[^!-~]/.test(key)) return [{ line, problem: "space" }];
    const parts = key.split("|");
    if (parts.length === 1) return [key.includes(",") ? { line, problem: "comma" } : { line, kind: "api_key" }];
    if (parts.length !== 2 || !parts[0] || !parts[1]) return [{ line, problem: "pair" }];
    return [{ line, kind: "ak_sk" }];
  });
}
